import { z } from "zod";
import type { ToolPort, ToolState } from "#src/acts/ports/tool-port.ts";
import type { LiveTools, ToolDeps, ToolServerFrom } from "#src/acts/ports/tool-source.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { callCode, type CodeFolder, writeCode } from "./code-process.ts";

type CodeServer = ToolServerFrom<"code">;
type CodeDeps = Pick<ToolDeps, "sandbox" | "code" | "log">;

const described = z.object({
  tools: z
    .array(
      z.object({
        name: z.string(),
        description: z.string(),
        schema: z.json(),
        effect: z.enum(["read", "idempotent", "findable", "once"]).default("once"),
        risk: z.enum(["low", "medium", "high"]).optional(),
        outbound: z.boolean().default(true),
        private: z.boolean().default(true),
        finds: z.boolean(),
      }),
    )
    .max(256),
});
type Described = z.infer<typeof described>["tools"][number];

const DESCRIBE_MS = 15_000;
const never = new AbortController().signal;

/** The tools that one file of tools/ defines. The file is loaded to be described, in a process of its own; `run` is not called for it. */
export function codeTools(server: CodeServer, deps: CodeDeps): LiveTools {
  const { file } = server.from;
  let tools: readonly ToolPort[] = [];
  let wrong: string | null = "it was not looked at yet";
  let describing: Promise<void> | undefined;
  let folder: Promise<CodeFolder> | undefined;
  const code = () => (folder ??= folderFor(server, deps).catch(forget));
  const forget = (error: unknown): never => {
    folder = undefined;
    throw error;
  };
  const describe = async (): Promise<void> => {
    try {
      const call = { code: await code(), file, call: { kind: "describe" }, timeoutMs: DESCRIBE_MS, maxResultBytes: 1_048_576, signal: never };
      const read = described.safeParse(await callCode(await deps.sandbox(), call));
      if (!read.success) throw new LoopError("tool_failed", `${file} describes its tools in a way that cannot be read: ${z.prettifyError(read.error)}`);
      tools = read.data.tools.map((tool) => toolOf(server, { deps, code }, tool));
      wrong = null;
    } catch (error) {
      if (!(error instanceof LoopError)) throw error;
      wrong = error.message;
      if (error.code !== "tool_failed") describing = undefined; // no sandbox yet, or another revision: it is looked at again
      deps.log.warn("the tools of a file are off", { file, why: error.message });
    }
  };
  return {
    list: () => tools,
    states: (): ToolState[] => [
      ...(wrong === null ? [] : [{ name: `${server.name}.*`, state: "off" as const, why: wrong }]),
      ...tools.map(({ name }) => ({ name, state: "on" as const, why: null })),
    ],
    refresh: () => (describing ??= describe()),
    async close() {
      const written = await folder?.catch(() => undefined);
      await written?.close();
    },
  };
}

/** @throws LoopError tool_unavailable when the revision in force has another code by now */
async function folderFor({ from }: CodeServer, { code }: CodeDeps): Promise<CodeFolder> {
  const inForce = await code();
  if (inForce.digest === from.digest) return writeCode(inForce.files);
  throw new LoopError("tool_unavailable", `The code of ${from.file} was replaced by another revision just now.`);
}

function toolOf(server: CodeServer, { deps, code }: { deps: CodeDeps; code: () => Promise<CodeFolder> }, tool: Described): ToolPort {
  const { limits, from } = server;
  const name = `${server.name}.${tool.name}`;
  const { effect: _, ...declared } = server.tools[tool.name] ?? {};
  const call = async (what: { readonly kind: "run" | "find"; readonly args: Json; readonly key: string }, signal: AbortSignal) => {
    const given = {
      code: await code(),
      file: from.file,
      call: { ...what, name: tool.name },
      timeoutMs: limits.timeout,
      maxResultBytes: limits.maxResultBytes,
      signal,
    };
    const answer = await callCode(await deps.sandbox(), given);
    if (typeof answer["invalid"] === "string") throw new LoopError("input_invalid", `${name} cannot read its arguments: ${answer["invalid"]}`);
    return answer["result"];
  };
  return {
    name,
    description: tool.description,
    schema: tool.schema,
    effect: tool.effect,
    terms: {
      risk: declared.risk ?? tool.risk ?? (tool.effect === "read" ? "low" : "medium"),
      outbound: declared.outbound ?? tool.outbound,
      private: declared.private ?? tool.private,
      untrusted: true,
    },
    invoke: async (args, { actKey, signal }) => (await call({ kind: "run", args, key: actKey }, signal)) ?? null,
    ...(tool.finds ? { find: (key: string, signal: AbortSignal, args: Json) => call({ kind: "find", args, key }, signal) } : {}),
  };
}
