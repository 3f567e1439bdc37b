import { z } from "zod";
import type { SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { Defined, DefineServices } from "#src/workspace/manifest/service.ts";
import { callCode, writeCode } from "./code-process.ts";

const defined = z.object({
  services: z
    .array(z.object({ line: z.int(), column: z.int(), manifest: z.looseObject({}) }))
    .min(1, "it exports nothing that defineService gave")
    .max(256),
});

const DEFINE_MS = 15_000;
const MAX_BYTES = 1_048_576;

/** Runs the code of services/ in a process of its own, as the code of tools/ is run: in the sandbox, without the environment, other files and programs. */
export function definesServices({ sandbox, off }: { readonly sandbox: SandboxPort; readonly off: SandboxPort }): DefineServices {
  return async (file, code, { noSandbox }) => {
    const { ok } = await sandbox.available();
    const folder = await writeCode(code);
    try {
      const call = { code: folder, file, call: { kind: "define" }, timeoutMs: DEFINE_MS, maxResultBytes: MAX_BYTES, signal: AbortSignal.timeout(DEFINE_MS) };
      const read = defined.safeParse(await callCode(!ok && noSandbox ? off : sandbox, call));
      return read.success ? { kind: "services", ...read.data } : { kind: "broken", line: 1, why: read.error.issues.map(({ message }) => message).join("; ") };
    } catch (error) {
      if (error instanceof LoopError) return brokenBy(error.message, file);
      throw error;
    } finally {
      await folder.close();
    }
  };
}

/** The line, where the message begins with it. */
function brokenBy(message: string, file: string): Defined {
  const [, where, line, why] = /^([^\s:]+\.ts):(\d+): ([^]*)$/.exec(message) ?? [];
  return where === file ? { kind: "broken", line: Number(line), why: why! } : { kind: "broken", line: 1, why: message };
}
