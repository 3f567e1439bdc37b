import { z } from "zod";
import type { NewAsk } from "#src/asks/ask.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { AskId } from "#src/kernel/ids.ts";
import type { Act } from "./act.ts";
import type { Performed, Performer, Situation } from "./performer.ts";
import type { MessagePort } from "./ports/message-port.ts";
import type { SandboxPort, SandboxResult } from "./ports/sandbox-port.ts";
import { readArgs } from "./read-args.ts";

/** `cause`: what asked for this check, the id of an ask or `eta`; one check per cause. */
const cause = z.string();
const command = z.strictObject({
  cause,
  by: z.literal("command"),
  command: z.array(z.string().min(1)).min(1),
  timeoutMs: z.int().positive(),
  expectExitCode: z.int(),
  /** Absolute; left out: the folder of the workspace. */
  folder: z.string().optional(),
});
const reporter = z.strictObject({
  cause,
  by: z.literal("reporter"),
  question: z.string(),
  yes: z.string(),
  no: z.string(),
  withinMs: z.int().positive(),
  surface: z.string(),
  reporter: z.string(),
  subject: z.string(),
});
const sensor = z.strictObject({
  cause,
  by: z.literal("sensor"),
  sensor: z.string(),
  field: z.string(),
  equals: z.union([z.string(), z.number(), z.boolean()]),
});

/** Arguments of a check act: the post-condition that an SOP or a skill declares. */
export const checkArgs = z.discriminatedUnion("by", [command, reporter, sensor]);
export type CheckArgs = z.infer<typeof checkArgs>;

const MAX_OUTPUT_BYTES = 16_384;

export interface CheckWorld {
  /** Where reporters are asked. */
  readonly surfaces: ReadonlyMap<string, MessagePort>;
  /** Which sandbox is in force; the workspace says. */
  readonly sandbox: () => Promise<SandboxPort>;
  /** Absolute; where commands run. */
  readonly folder: string;
  /** Runs a sensor as the pulse does; undefined when the workspace has none of this name. */
  readonly runSensor: (name: string, signal: AbortSignal) => Promise<SensorLook | undefined>;
}

/** `refused`: it was not started, and why. Known secrets are taken out of its outputs. */
export type SensorLook =
  | { readonly kind: "ran"; readonly program: string; readonly sandbox: string; readonly result: SandboxResult }
  | { readonly kind: "refused"; readonly why: string };

/**
 * Acts of kind `check`. Whatever cannot be read is `unreadable`, which is not passed: a sandbox that is missing, a sensor that prints no JSON, a reporter who
 * does not answer.
 */
export function checkPerformer(world: CheckWorld): Performer {
  const portFor = (args: z.infer<typeof reporter>): MessagePort => {
    const port = world.surfaces.get(args.surface);
    if (port) return port;
    throw new LoopError(
      "surface_refused",
      `The surface ${args.surface} of the reporter is not connected. Connected: ${[...world.surfaces.keys()].join(", ")}.`,
    );
  };
  return {
    check(act) {
      const args = readArgs(checkArgs, act);
      if (args.by === "reporter") portFor(args);
    },
    async perform(act, situation) {
      const args = readArgs(checkArgs, act);
      if (args.by === "reporter") {
        await portFor(args).post({ to: args.reporter, subject: args.subject, text: args.question, facts: { answers: [args.yes, args.no] } }, act.key);
        return { kind: "asking", result: {}, ask: question(act, args, situation) };
      }
      if (args.by === "sensor") return readSensor(args, { world, signal: situation.signal });
      const sandbox = await world.sandbox();
      const ready = await sandbox.available();
      if (!ready.ok) return { kind: "done", result: { verdict: "unreadable", why: ready.why } };
      return runCommand(args, { world, sandbox, signal: situation.signal });
    },
    async find(act, situation) {
      const args = readArgs(checkArgs, act);
      if (args.by !== "reporter" || !(await portFor(args).find(act.key))) return undefined;
      return { kind: "asking", result: {}, ask: question(act, args, situation) };
    },
  };
}

interface Place {
  readonly world: CheckWorld;
  readonly sandbox: SandboxPort;
  readonly signal: AbortSignal;
}

async function runCommand(args: z.infer<typeof command>, { world, sandbox, signal }: Place): Promise<Performed> {
  const argv = args.command as [string, ...string[]];
  const ran = await sandbox.run(
    {
      argv,
      cwd: args.folder ?? world.folder,
      writable: [],
      env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
      timeoutMs: args.timeoutMs,
      maxOutputBytes: MAX_OUTPUT_BYTES,
    },
    signal,
  );
  const verdict = ran.exitCode === null ? "unreadable" : ran.exitCode === args.expectExitCode ? "passed" : "failed";
  return {
    kind: "done",
    result: { verdict, command: argv, exitCode: ran.exitCode, timedOut: ran.timedOut, stdout: ran.stdout, stderr: ran.stderr, sandbox: sandbox.name },
  };
}

async function readSensor(args: z.infer<typeof sensor>, { world, signal }: Pick<Place, "world" | "signal">): Promise<Performed> {
  const look = await world.runSensor(args.sensor, signal);
  if (look === undefined) return { kind: "done", result: { verdict: "unreadable", why: `there is no sensor ${args.sensor}` } };
  if (look.kind === "refused") return { kind: "done", result: { verdict: "unreadable", why: look.why } };
  const { result: ran, program, sandbox } = look;
  const facts = { command: [program], exitCode: ran.exitCode, sandbox };
  const seen = ran.exitCode === 0 && !ran.truncated ? fieldOf(ran.stdout, args.field) : undefined;
  if (seen === undefined) return { kind: "done", result: { ...facts, verdict: "unreadable", why: `${args.sensor} gave no ${args.field}`, stderr: ran.stderr } };
  return { kind: "done", result: { ...facts, verdict: seen === args.equals ? "passed" : "failed", seen: String(seen), expected: String(args.equals) } };
}

/** The member at a dotted path of the one JSON object that a sensor prints; undefined when it is not there. */
function fieldOf(stdout: string, path: string): string | number | boolean | undefined {
  let value: unknown;
  try {
    value = JSON.parse(stdout);
  } catch {
    return undefined; // not JSON is unreadable, which the caller says
  }
  for (const part of path.split("."))
    value = typeof value === "object" && value !== null && Object.hasOwn(value, part) ? (value as Record<string, unknown>)[part] : undefined;
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : undefined;
}

function question(act: Act, args: z.infer<typeof reporter>, situation: Situation): NewAsk {
  return {
    id: `ask_${act.id.slice("act_".length)}` as AskId,
    kind: "question",
    purpose: "check",
    runId: act.runId,
    actId: act.id,
    ticketId: situation.ticketId as NewAsk["ticketId"],
    prompt: args.question,
    detail: { to: args.reporter, yes: args.yes, no: args.no },
    options: [args.yes, args.no],
    approvers: { roles: [], names: [], reporter: args.reporter },
    quorum: 1,
    binding: null,
    rule: null,
    expiry: [{ afterMs: args.withinMs, do: "fail" }],
    revision: situation.revision,
  };
}
