import type { SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import type { WorkerSpec } from "#src/acts/ports/worker-port.ts";

const never = () => Promise.reject(new Error("workers wrap, and no more"));

/** Commands as they are. */
export const asItIs: SandboxPort = {
  name: "off",
  available: () => Promise.resolve({ ok: true }),
  run: never,
  start: never,
  wrap: ({ argv, env }) => Promise.resolve({ argv, env, isHolder: false }),
};

/** A worker that is a script of the shell. */
export const specOf = (cwd: string, script: string, more: Partial<WorkerSpec> = {}): WorkerSpec => ({
  name: "fix-login",
  argv: ["/bin/sh", "-c", script],
  cwd,
  env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
  writable: [],
  readable: [],
  network: false,
  size: { columns: 80, rows: 24 },
  ...more,
});
