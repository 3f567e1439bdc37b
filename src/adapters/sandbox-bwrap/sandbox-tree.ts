import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import type { ProcessTree } from "#src/processes/bounded-process.ts";
import { killGroup, sendKill } from "#src/processes/process-group.ts";
import { processStat } from "#src/processes/process-stat.ts";

export interface SandboxTree extends ProcessTree {
  /** True once bwrap said how the command ended: it did start, so what went wrong was its own doing. */
  ranCommand(): boolean;
}

const POLL_MS = 1;
const PIPE_CLOSES_MS = 500;
const GONE_WITHIN_MS = 5_000;

/**
 * The processes of a sandbox. File descriptor 3 of bwrap takes its options, where no list of processes shows them; on 4 it reports. Its child is the first
 * process of the namespace: when that one is gone, the kernel has ended all others.
 */
export function sandboxTree(options: readonly string[]): SandboxTree {
  let report = "";
  const firstProcess = (): number | null => Number(/"child-pid": (\d+)/.exec(report)?.[1] ?? 0) || null;
  return {
    started(child) {
      const [, , , input, output] = child.stdio;
      (input as Writable).on("error", () => undefined); // bwrap that ends before it has read everything says why itself
      (input as Writable).end(options.map((option) => `${option}\0`).join(""));
      (output as Readable).setEncoding("utf8").on("data", (text: string) => (report += text));
    },
    kill(child) {
      const processId = firstProcess();
      if (processId === null) killGroup(child);
      else sendKill(processId);
    },
    async clear(child) {
      await closed(child.stdio[4] as Readable);
      const processId = firstProcess();
      if (processId === null) return;
      sendKill(processId);
      await closed(child.stdout as Readable); // the first process holds it: when it is closed, little is left to wait for
      for (let waitedMs = 0; waitedMs < GONE_WITHIN_MS; waitedMs += POLL_MS) {
        if (!(await processStat(processId))?.isAlive) return; // a zombie has ended, and so has everything in its namespace
        sendKill(processId);
        await pause(POLL_MS);
      }
    },
    ranCommand: () => report.includes('"exit-code"'),
  };
}

/** A pipe ends with those who hold it; should one stay, what there is must do. */
async function closed(pipe: Readable): Promise<void> {
  if (!pipe.closed) await Promise.race([once(pipe, "close"), pause(PIPE_CLOSES_MS, undefined, { ref: false })]);
}
