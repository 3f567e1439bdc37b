import { closeSync, openSync, writeSync } from "node:fs";
import type { Clock } from "#src/kernel/clock.ts";

/** The log of a server on disk. What cannot be written is counted and lost: no work waits for a log. */
export interface LogFile {
  write(line: string): void;
  /** Lines lost since the last one that could be written; looks whether writing is possible again. */
  lost(): number;
  close(): void;
}

/** Opens lazily, for appending, readable by the owner only. After a full disk it goes on by itself, with a line that says how many are missing. */
export function openLogFile(path: string, clock: Clock): LogFile {
  let file: number | undefined;
  let lost = 0;
  let torn = false;
  const append = (text: string): boolean => {
    try {
      file ??= openSync(path, "a", 0o600);
      const bytes = Buffer.from(torn ? `\n${text}` : text);
      const written = writeSync(file, bytes);
      torn = written < bytes.length && (torn || written > 0);
      return written === bytes.length;
    } catch {
      close();
      return false;
    }
  };
  const close = (): void => {
    if (file !== undefined) closeSync(file);
    file = undefined;
  };
  const sayLost = (): void => {
    const line = { at: new Date(clock.nowMs()).toISOString(), level: "error", message: "the log could not be written; lines are lost", lost };
    if (append(`${JSON.stringify(line)}\n`)) lost = 0;
  };
  return {
    write(line) {
      if (lost > 0) sayLost();
      if (lost > 0 || !append(line)) lost += 1;
    },
    lost() {
      if (lost > 0) sayLost();
      return lost;
    },
    close,
  };
}
