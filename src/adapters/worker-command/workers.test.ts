import { existsSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { TestContext } from "node:test";
import { systemClock } from "#src/kernel/clock.ts";
import { workerPortSuite, type WorkerPortSubject } from "#src/testing/worker-port.suite.ts";
import { asItIs, specOf } from "#src/testing/shell-worker.ts";
import { createCommandWorkers } from "./workers.ts";

// The contract of the port, by real processes; what only real ones show is in supervisor.test.ts.
workerPortSuite({ name: "commands as they are", subject });

async function subject(t: TestContext): Promise<WorkerPortSubject> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "loopwright-workers-")));
  const port = createCommandWorkers({ folder: join(folder, "workers"), clock: systemClock, host: "here", readable: [], sandbox: async () => asItIs });
  t.after(async () => {
    await rm(join(folder, "workers", "broken"), { force: true });
    for (const { key } of await port.list()) await port.stop(key, 0);
    await rm(folder, { recursive: true, force: true });
  });
  const spec = (key: string, script: string) => specOf(folder, script, { name: `worker ${key}` });
  return {
    port,
    worker(key, { stubborn = false } = {}) {
      const fifo = join(folder, `${key}.in`);
      const script = `${stubborn ? "trap '' TERM HUP;" : ""} mkfifo ${fifo}; exec 3<>${fifo}; while read -r line <&3; do eval "$line"; done`;
      const tell = async (line: string): Promise<void> => {
        while (!existsSync(fifo)) await pause(5);
        await writeFile(fifo, `${line}\n`);
      };
      return {
        spec: spec(key, script),
        async print(text) {
          await tell(`echo '${text}'`);
          while (!(await port.log(key, 10_000)).includes(`${text}\n`)) await pause(5);
        },
        async exit(exitCode) {
          await tell(`exit ${exitCode}`);
          while ((await port.find(key))?.endedAtMs === null) await pause(5);
        },
      };
    },
    missing: { spec: { ...spec("x", ""), argv: ["no-such-agent"] }, program: "no-such-agent" },
    async breakFleet() {
      await mkdir(join(folder, "workers"), { recursive: true });
      await writeFile(join(folder, "workers", "broken"), "no worker");
    },
  };
}
