import { appendFileSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { EffectClass } from "#src/acts/act.ts";
import type { MessagePort } from "#src/acts/ports/message-port.ts";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";

/*
 * The world outside, which nothing rolls back: a file to which a line is appended for each effect, under the key of its act. An append of a line is atomic,
 * so the file tells the truth about processes that were killed or stopped at any point.
 *
 * An `idempotent` receiver takes the same key any number of times and has one effect: each call is a line, the oracle counts keys. A `findable` one does
 * what it is told each time: two lines under one key are one effect too many.
 */

export interface EffectLine {
  readonly key: string;
  readonly kind: string;
  readonly effect: EffectClass;
  /** Who called. */
  readonly by: string;
}

export function readEffects(file: string): EffectLine[] {
  return textOf(file)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as EffectLine);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // nothing happened yet
  }
}

const happened = (file: string, key: string): boolean => textOf(file).includes(`{"key":"${key}"`);

export interface Outside {
  readonly file: string;
  readonly by: string;
  /** How long a call takes on its way there. */
  readonly toolMs: number;
}

function record({ file, by }: Outside, line: Omit<EffectLine, "by">): void {
  appendFileSync(file, `${JSON.stringify({ ...line, by })}\n`);
}

/** Tools of every class, and some that hurt: `effect.crash` kills its process, `effect.bug` throws what no port may throw. */
export function effectTools(outside: Outside): ToolPort[] {
  return [
    tool(outside, "effect.idempotent", "idempotent"),
    tool(outside, "effect.findable", "findable"),
    tool(outside, "effect.once", "once"),
    tool(outside, "effect.careful", "findable"),
    tool(outside, "effect.slow", "findable"),
    { ...tool(outside, "effect.crash", "idempotent"), invoke: () => Promise.resolve(process.kill(process.pid, "SIGKILL")) },
    { ...tool(outside, "effect.bug", "idempotent"), invoke: () => Promise.reject(new TypeError("the answer of this tool cannot be parsed")) },
  ];
}

function tool(outside: Outside, name: string, effect: EffectClass): ToolPort {
  return {
    name,
    description: `appends a line to the effect ledger (${effect})`,
    schema: { type: "object" },
    effect,
    async invoke(args, key) {
      const { ms = outside.toolMs } = args as { ms?: number };
      if (ms > 0) await sleep(ms);
      record(outside, { key, kind: name, effect });
      return { written: true };
    },
    ...(effect === "findable" ? { find: (key: string) => Promise.resolve(happened(outside.file, key) ? { written: true, found: true } : undefined) } : {}),
  };
}

/** A place for messages that is outside the database: a line per post. */
export function effectSurface(outside: Outside, name: string): MessagePort {
  const refOf = (key: string) => ({ surface: name, messageId: key });
  return {
    name,
    post(_message, key) {
      record(outside, { key, kind: "message", effect: "findable" });
      return Promise.resolve(refOf(key));
    },
    find: (key) => Promise.resolve(happened(outside.file, key) ? refOf(key) : undefined),
  };
}
