import { z } from "zod";
import { parseReference } from "#src/secrets/reference.ts";

/** Programs of coding agents that are known; `custom` is any other, by its own template. */
export const PRESETS = ["claude", "codex", "pi", "opencode", "gemini", "custom"] as const;
export type Preset = (typeof PRESETS)[number];

/** Where the file with the prompt is named in a template. */
export const PROMPT_FILE = "{{prompt_file}}";
const LONGEST_TEMPLATE = 4_000;

/** A line for the shell that runs a worker. */
export const commandTemplate = z
  .string()
  .max(LONGEST_TEMPLATE, `expected ${LONGEST_TEMPLATE} characters at most`)
  .refine(
    (text) => text.includes(PROMPT_FILE),
    `expected a command with ${PROMPT_FILE} where the file of the prompt goes, such as: my-agent --file ${PROMPT_FILE}`,
  );

const absolute = z.string().regex(/^\/(?!.*(?:^|\/)\.\.(?:\/|$))/, "expected an absolute path without `..`");
const inHome = z.string().regex(/^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$))[\w.@/-]+$/, "expected a path inside the home folder of the account, such as .pi");

const value = z.string().refine(isValueOrReference, "expected a value, or a reference such as secret:anthropic-key");

/** What begins as a reference has to be one. */
function isValueOrReference(text: string): boolean {
  if (!text.startsWith("secret:")) return true;
  try {
    return parseReference(text) !== undefined;
  } catch {
    return false;
  }
}

/** What an agent with `runner: command` starts, where, and what that may reach. */
export const agentCommand = z
  .strictObject({
    preset: z.enum(PRESETS),
    /** In place of the command line of the preset. */
    run: commandTemplate.optional(),
    /** Where it works; left out: a folder of its own. */
    folder: absolute.optional(),
    /** What else it may write. */
    writable: z.array(absolute).default([]),
    /** Folders of the account's home that it may read and write, where programs keep their log-ins; left out: those of the preset. */
    homeFolders: z.array(inHome).optional(),
    env: z.record(z.string().regex(/^(?!LOOP_)[A-Za-z_][A-Za-z0-9_]*$/, "expected the name of a variable that does not begin with LOOP_"), value).default({}),
    network: z.boolean().default(true),
    columns: z.int().min(20).max(500).default(120),
    rows: z.int().min(5).max(200).default(40),
  })
  .refine(({ preset, run }) => preset !== "custom" || run !== undefined, {
    path: ["run"],
    message: `expected a command with ${PROMPT_FILE}, since the preset is custom`,
  });
