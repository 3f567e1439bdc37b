import type { Clock } from "./clock.ts";
import type { Redactor } from "./redaction.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** One JSON object a line. Never throws: a log that cannot be written is not a reason to stop work. */
export interface Log {
  debug(message: string, facts?: Facts): void;
  info(message: string, facts?: Facts): void;
  warn(message: string, facts?: Facts): void;
  error(message: string, facts?: Facts & { error?: unknown }): void;
}

type Facts = Readonly<Record<string, unknown>>;

export interface LogOptions {
  readonly clock: Clock;
  readonly redactor: Redactor;
  readonly level: LogLevel;
  readonly write: (line: string) => void;
}

export function createLog(options: LogOptions): Log {
  const log =
    (level: LogLevel) =>
    (message: string, facts: Facts = {}) => {
      if (RANK[level] < RANK[options.level]) return;
      try {
        const line = JSON.stringify({ at: new Date(options.clock.nowMs()).toISOString(), level, message, ...facts }, flatten);
        options.write(`${options.redactor.redact(line)}\n`);
      } catch {
        // A full disk or a closed pipe must not become a failed run.
      }
    };
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

function flatten(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return typeof value === "bigint" ? String(value) : value;
  const plain = Object.entries(value).filter(([key, member]) => key === "facts" || typeof member !== "object"); // a driver's error may carry its whole connection
  return { ...Object.fromEntries(plain), name: value.name, message: value.message, stack: value.stack, cause: value.cause };
}
