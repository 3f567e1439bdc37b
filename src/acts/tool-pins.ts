import { type Db, inTransaction } from "#src/database/open.ts";
import type { NewEvent } from "#src/journal/event.ts";
import { append } from "#src/journal/store/append.ts";
import { digestOf } from "#src/kernel/canonical-json.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { ToolServer } from "#src/workspace/model.ts";
import type { ListedTool, ToolPin, ToolPins, ToolSourceKey } from "./ports/tool-pins.ts";
import { approveSeen, insertSource, isKnownSource, lockSource, selectPins, writeSeen } from "./store/tool-pins.ts";

/** Pins in the record, every change of what may be used in the journal. */
export function createToolPins(db: Db, clock: Clock): ToolPins {
  return {
    of: async (key) => ((await isKnownSource(db, key)) ? selectPins(db, key) : null),
    see: (key, listed) =>
      inTransaction(db, async (tx) => {
        const isFirst = await insertSource(tx, key);
        failpoint("tool_pins.source");
        await lockSource(tx, key);
        const before = await selectPins(tx, key);
        await writeSeen(tx, key, { listed, pinned: isFirst });
        failpoint("tool_pins.seen");
        const events = isFirst ? [pinnedEvent(key, listed)] : changes(key, before, listed);
        if (events.length > 0) await append(tx, clock, events);
        return selectPins(tx, key);
      }),
  };
}

const pinnedEvent = ({ server, source }: ToolSourceKey, listed: readonly ListedTool[]): NewEvent => ({
  kind: "tool.pinned",
  actor: "system",
  payload: { server, source, tools: Object.fromEntries(listed.map(({ tool, digest }) => [tool, digest])) },
});

/** What differs from what was listed last; said once for each difference. */
function changes({ server, source }: ToolSourceKey, before: readonly ToolPin[], listed: readonly ListedTool[]): NewEvent[] {
  const known = new Map(before.map((pin) => [pin.tool, pin]));
  const now = new Set(listed.map(({ tool }) => tool));
  const changed = listed.filter(({ tool, digest }) => known.get(tool)?.seenDigest !== digest);
  const gone = before.filter(({ tool, seenDigest }) => seenDigest !== null && !now.has(tool));
  return [
    ...changed.map(({ tool, digest }): NewEvent => {
      const pin = known.get(tool);
      return { kind: pin ? "tool.changed" : "tool.appeared", actor: "system", payload: { server, source, tool, digest, pinned: pin?.digest ?? null } };
    }),
    ...gone.map(({ tool }): NewEvent => ({ kind: "tool.gone", actor: "system", payload: { server, source, tool } })),
  ];
}

/** What a server of MCP is by itself: its command or its address. Another command is another server, whose tools are pinned anew when it was applied. */
export function sourceOf({ from }: Pick<ToolServer, "from">): string {
  return from.by === "mcp" ? digestOf({ command: from.command ?? null, url: from.url ?? null }) : digestOf({ by: from.by });
}

export interface ToolApproval {
  readonly server: ToolServer;
  /** Its name without that of the server. */
  readonly tool: string;
  /** Of the definition that whoever approves has seen. */
  readonly digest: string;
  /** The id of a principal. */
  readonly by: string;
}

/** Lets a tool be used as its server describes it now. Whether the caller may is not asked here. @throws LoopError tool_unknown | tool_not_changed */
export async function approveTool(db: Db, clock: Clock, { server, tool, digest, by }: ToolApproval): Promise<void> {
  const key = { server: server.name, source: sourceOf(server) };
  await inTransaction(db, async (tx) => {
    const pin = (await selectPins(tx, key)).find((known) => known.tool === tool);
    const facts = { server: server.name, tool };
    if (!pin) throw new LoopError("tool_unknown", `The server ${server.name} has shown no tool ${tool}. \`loop tools\` lists those it has shown.`, { facts });
    if (!(await approveSeen(tx, { ...key, tool, digest, by }))) {
      const why = pin.digest === digest ? "it is approved as it is" : "that is not how its server describes it now";
      throw new LoopError("tool_not_changed", `Nothing was approved for ${server.name}.${tool}: ${why}. \`loop tools diff ${server.name}.${tool}\` shows it.`, {
        facts,
      });
    }
    failpoint("tool_pins.approved");
    await append(tx, clock, [{ kind: "tool.approved", actor: by, payload: { ...key, tool, digest, before: pin.digest } }]);
  });
}
