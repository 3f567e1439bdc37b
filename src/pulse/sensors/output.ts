import type { SandboxResult } from "#src/acts/ports/sandbox-port.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { storableJson } from "#src/kernel/storable-json.ts";

/** What a sensor says of the world: `signal` wakes, `detail` does not. */
export interface Said {
  readonly signal: Json;
  readonly detail: Json;
  readonly failed: boolean;
}

/** What a sensor may say, and how long it may take to say it where it does not say that itself. */
export interface SensorBounds {
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** So much is read, so that whoever wrote the sensor is told how much it was; then it is ended. */
export const readBytes = ({ maxBytes }: SensorBounds): number => maxBytes * 8;

const STDERR_BYTES = 1_024;
const SHOWN_CHARACTERS = 120;
/** As coreutils' `timeout` says it. */
const TIMED_OUT = 124;

/** Pure. What cannot be understood is an error on record, never silence. `redact`: takes known secrets out of a text. */
export function saidBy(ran: SandboxResult, { redact, timeoutMs, maxBytes }: SensorBounds & { readonly redact: (text: string) => string }): Said {
  const bytes = Buffer.byteLength(ran.stdout);
  const stderr = lastBytes(redact(ran.stderr), STDERR_BYTES);
  if (ran.timedOut) return failure({ exit_code: TIMED_OUT }, { message: `timed out after ${timeoutMs / 1_000} s`, stderr });
  if (bytes > maxBytes) return failure({}, { error: "output too large", bytes, cap: maxBytes });
  if (ran.exitCode !== 0) return failure({ exit_code: ran.exitCode }, { message: messageOf(ran.exitCode), stderr });
  const stdout = redact(ran.stdout);
  const value = objectIn(stdout);
  if (value === undefined) {
    const shown = stdout.trim().slice(0, SHOWN_CHARACTERS);
    return failure({ exit_code: 0 }, { message: `printed ${shown === "" ? "nothing" : JSON.stringify(shown)}; expected one JSON object`, stderr });
  }
  return Object.hasOwn(value, "signal")
    ? { signal: value["signal"]!, detail: value["detail"] ?? {}, failed: false }
    : { signal: value, detail: {}, failed: false };
}

/** A sensor that gave no output: what was in its way. */
export const failure = (signal: Readonly<Record<string, Json>>, detail: Readonly<Record<string, Json>>): Said => ({
  signal: { error: true, ...signal },
  detail,
  failed: true,
});

const messageOf = (exitCode: number | null): string => (exitCode === null ? "was ended by a signal" : `exit code ${exitCode}`);

function objectIn(text: string): { readonly [key: string]: Json | undefined } | undefined {
  try {
    const value = storableJson(JSON.parse(text));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as { readonly [key: string]: Json }) : undefined;
  } catch {
    return undefined; // no JSON, which the caller says
  }
}

/** A character that is cut in half goes. */
const lastBytes = (text: string, most: number): string => {
  const bytes = Buffer.from(text);
  return bytes.length <= most
    ? text
    : bytes
        .subarray(-most)
        .toString("utf8")
        .replace(/^\uFFFD+/, "");
};
