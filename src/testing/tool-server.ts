import { toolServerManifest, type ToolServerManifest } from "#src/workspace/manifest/tools.ts";
import type { ToolPort, ToolUse } from "#src/acts/ports/tool-port.ts";
import type { RunId } from "#src/kernel/ids.ts";
import { egressNeedsPerson } from "#src/policy/trust.ts";

type By = ToolServerManifest["from"]["by"];

/** A tool server as its file would describe it. @throws ZodError where the description is wrong */
export function toolServer<B extends By>(from: { readonly by: B; readonly [member: string]: unknown }, more: object = {}) {
  const read = toolServerManifest.parse({ apiVersion: "loopwright.dev/v1", kind: "ToolServer", name: "it", from, ...more });
  return read as ToolServerManifest & { readonly from: { readonly by: B } };
}

/** A call that nobody objects to. */
export function toolUse(more: Partial<ToolUse> = {}): ToolUse {
  const egress = egressNeedsPerson({ taint: ["owner"], sawPrivate: false, outbound: false });
  if (egress.kind !== "cleared") throw new Error("text of the owner alone needs no person");
  return {
    actKey: "act_0199c0ffee00712a8b6e5d4c3b2a1908",
    signal: new AbortController().signal,
    runId: "run_0199c0ffee00712a8b6e5d4c3b2a1908" as RunId,
    agent: "helper",
    ticketId: null,
    threadId: null,
    labels: {},
    cleared: egress.cleared,
    ...more,
  };
}

/** The tool of this name, which has to be there. */
export function toolNamed(tools: readonly ToolPort[], name: string): ToolPort {
  const tool = tools.find((known) => known.name === name);
  if (tool) return tool;
  throw new Error(`there is no tool ${name}; there are ${tools.map((known) => known.name).join(", ")}`);
}
