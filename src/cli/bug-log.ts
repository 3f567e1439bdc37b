import { appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { systemClock } from "#src/kernel/clock.ts";
import { createRedactor } from "#src/kernel/redaction.ts";
import { type Environment, secretValues } from "#src/settings/read.ts";

interface Place {
  readonly homeFolder: string | undefined;
  /** Its secrets are taken out of what is written. */
  readonly env: Environment;
}

/** Writes a bug down, whole, and gives the file: in the logs of the home, else among the temporary files. */
export function keepBug(error: unknown, { homeFolder, env }: Place): string {
  const redactor = createRedactor();
  for (const value of secretValues(env)) redactor.learn(value);
  const text = `${new Date(systemClock.nowMs()).toISOString()} node ${process.version}\n${redactor.redact(inspect(error, { depth: 6 }))}\n\n`;
  const places = [...(homeFolder === undefined ? [] : [join(homeFolder, "logs", "cli.log")]), join(tmpdir(), `loop-cli-${process.getuid?.() ?? 0}.log`)];
  return places.find((file) => couldAppend(file, text)) ?? "no log, since none could be written";
}

function couldAppend(file: string, text: string): boolean {
  try {
    appendFileSync(file, text, { mode: 0o600 });
    return true;
  } catch {
    return false; // the next place
  }
}
