import { embedderSuite } from "./embedder.suite.ts";
import { hashEmbedder } from "./hash-embedder.ts";
import { memorySurface } from "./memory-surface.ts";
import { messagePortSuite } from "./message-port.suite.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { scriptedWorkers } from "./scripted-worker.ts";
import { workerPortSuite } from "./worker-port.suite.ts";

embedderSuite({ name: "by the hash of words", subject: () => Promise.resolve(hashEmbedder()) });

messagePortSuite({
  name: "in this process",
  subject: () => {
    const port = memorySurface("chat");
    return Promise.resolve({ port, to: "ana", read: () => Promise.resolve(port.messages().map(({ text }) => text)) });
  },
});

workerPortSuite({
  name: "scripted",
  subject: () => {
    const port = scriptedWorkers({ missing: ["nowhere"] });
    const spec = (key: string, program = "agent") => ({
      name: key,
      argv: [program] as const,
      cwd: "/",
      env: {},
      writable: [],
      readable: [],
      network: false,
      size: { columns: 80, rows: 24 },
    });
    return Promise.resolve({
      port,
      worker: (key, { stubborn = false } = {}) => ({
        spec: spec(key),
        async print(text) {
          if (stubborn) port.hang(key);
          port.print(key, `${text}\n`);
        },
        exit: async (exitCode) => port.exit(key, exitCode),
      }),
      missing: { spec: spec("x", "nowhere"), program: "nowhere" },
      breakFleet: async () => port.failWith(new LoopError("worker_unavailable", "The folder of the workers cannot be read.")),
    });
  },
});
