import { closeSync, fstatSync, mkdirSync, openSync, readSync, renameSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";

const KEPT_BYTES = 5 * 1_048_576;

const NOW = "output.log";
const BEFORE = "output.1.log";

export interface TerminalLog {
  write(bytes: Buffer): void;
}

/** What the terminal got, byte for byte: two files of at most 5 MiB, so that the last 5 MiB are always there. */
export function openTerminalLog(folder: string, keptBytes: number = KEPT_BYTES): TerminalLog {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const open = (): number => openSync(join(folder, NOW), "a", 0o600);
  let file = open();
  let size = fstatSync(file).size;
  return {
    write(bytes) {
      try {
        for (let rest = bytes; rest.length > 0;) {
          if (size >= keptBytes) {
            closeSync(file);
            renameSync(join(folder, NOW), join(folder, BEFORE));
            file = open();
            size = 0;
          }
          const wrote = writeSync(file, rest.subarray(0, keptBytes - size));
          size += wrote;
          rest = rest.subarray(wrote);
        }
      } catch (error) {
        if (!["ENOSPC", "EDQUOT", "EIO"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error; // a disk that is full costs the log, not the worker
      }
    },
  };
}

/** The last bytes of all that was printed; nothing when nothing was. */
export function lastOutput(folder: string, lastBytes: number): Buffer {
  const now = tailOf(join(folder, NOW), lastBytes);
  return now.length >= lastBytes ? now : Buffer.concat([tailOf(join(folder, BEFORE), lastBytes - now.length), now]);
}

/** When something was printed last, in milliseconds since 1970; undefined: nothing can be said. */
export function lastOutputAtMs(folder: string): number | undefined {
  const found = statSync(join(folder, NOW), { throwIfNoEntry: false });
  return found && Math.floor(found.mtimeMs);
}

function tailOf(file: string, lastBytes: number): Buffer {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
  try {
    const { size } = fstatSync(descriptor);
    const bytes = Buffer.alloc(Math.min(size, lastBytes));
    const read = readSync(descriptor, bytes, 0, bytes.length, size - bytes.length);
    return bytes.subarray(0, read);
  } finally {
    closeSync(descriptor);
  }
}
