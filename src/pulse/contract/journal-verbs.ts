import { z } from "zod";
import { actionLines, noteAction } from "../store/action-lines.ts";
import { journalLine } from "../world/journal-line.ts";
import { loopVerb, type LoopVerb } from "./verb.ts";

const journal = loopVerb({
  name: "journal",
  summary: "The last lines of the journal: what was done by these verbs, one line each.",
  access: "read",
  reads: true,
  input: z.strictObject({ limit: z.coerce.number().int().min(1).max(1_000).default(20) }),
  output: z.object({
    lines: z
      .array(z.object({ at: z.string(), actor: z.string(), line: z.string(), text: z.string().describe("as journal.md has it") }))
      .describe("oldest first"),
  }),
  async perform({ db, workspaces }, _speaker, { limit }) {
    const [lines, { workspace }] = await Promise.all([actionLines(db, limit), workspaces.current()]);
    const { timeZone } = workspace.manifest;
    return { lines: lines.map(({ at, actor, line }) => ({ at, actor, line, text: journalLine(timeZone, { atMs: Date.parse(at), line }) })) };
  },
});

const journalWrite = loopVerb({
  name: "journal write",
  summary: "Write a line into the journal.",
  access: "pulse:work",
  reads: false,
  input: z.strictObject({
    text: z
      .string()
      .max(2_000, "expected 2000 characters at most")
      .refine((text) => text.trim() !== "", "expected a text that is not blank"),
  }),
  output: z.object({ written: z.literal(true) }),
  async perform({ db, clock }, { caller }, { text }) {
    await noteAction(db, clock, { caller, line: text });
    return { written: true as const };
  },
});

export const journalVerbs = [journal, journalWrite] as readonly unknown[] as readonly LoopVerb[];
