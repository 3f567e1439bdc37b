import { z } from "zod";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { ToolServerManifest } from "#src/workspace/manifest/tools.ts";
import type { EffectClass } from "../act.ts";
import type { ToolPort, ToolTerms, ToolUse } from "./tool-port.ts";

/** A tool that a connector of our own brings: its arguments are what `args` read. */
export interface NativeTool<T extends z.ZodType> {
  /** Without the name of its server. */
  readonly name: string;
  readonly description: string;
  readonly args: T;
  readonly effect: EffectClass;
  readonly terms: ToolTerms;
  readonly kind?: NonNullable<ToolPort["kind"]>;
  check?(args: z.infer<T>): void;
  facts?(args: z.infer<T>): ReturnType<NonNullable<ToolPort["facts"]>>;
  invoke(args: z.infer<T>, use: ToolUse): Promise<Json>;
  find?(actKey: string, signal: AbortSignal, args: z.infer<T>): Promise<Json | undefined>;
}

/** The tool under the name `<server>.<tool>`. What the manifest says of its risk, and of whether it reaches out or shows what is private, wins; of its effect it can only be stricter. */
export function nativeTool<T extends z.ZodType>(server: Pick<ToolServerManifest, "name" | "tools">, tool: NativeTool<T>): ToolPort {
  const name = `${server.name}.${tool.name}`;
  const { effect, ...declared } = server.tools[tool.name] ?? {};
  const read = (given: Json): z.infer<T> => {
    const parsed = tool.args.safeParse(given);
    if (parsed.success) return parsed.data;
    throw new LoopError("input_invalid", `${name} cannot read its arguments: ${z.prettifyError(parsed.error)}`, { facts: { tool: name } });
  };
  const { find, facts } = tool;
  return {
    name,
    description: tool.description,
    schema: z.toJSONSchema(tool.args, { io: "input" }) as Json,
    effect: effect === "once" ? "once" : tool.effect,
    terms: { ...tool.terms, ...withoutAbsent(declared) },
    ...(tool.kind ? { kind: tool.kind } : {}),
    check: (given) => tool.check?.(read(given)),
    ...(facts ? { facts: (given: Json) => Promise.resolve().then(() => facts.call(tool, read(given))) } : {}),
    async invoke(given, use) {
      if (use.signal.aborted)
        throw new LoopError("tool_failed", `The call of ${name} was stopped before it began. Nothing was done.`, { facts: { tool: name } });
      return tool.invoke(read(given), use);
    },
    ...(find ? { find: (actKey: string, signal: AbortSignal, given: Json) => Promise.resolve().then(() => find.call(tool, actKey, signal, read(given))) } : {}),
  };
}

const withoutAbsent = (terms: { readonly [name in keyof ToolTerms]: ToolTerms[name] | undefined }): ToolTerms =>
  Object.fromEntries(Object.entries(terms).filter(([, value]) => value !== undefined));
