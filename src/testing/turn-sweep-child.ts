import { join } from "node:path";
import { inTransaction } from "#src/database/open.ts";
import { openThread } from "#src/intake/open-thread.ts";
import { receiveTurn } from "#src/intake/receive-turn.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { chatWorkspace } from "./chat-workspace.ts";
import { effectTool } from "./effect-ledger.ts";
import { testEngine } from "./engine.ts";
import { callTool, say, scriptedModel } from "./scripted-model.ts";
import { type Life, liveOn, liveOnce } from "./sweep-life.ts";

const ANA = { id: "prn_ana", handle: "ana", roles: ["owner"] } as const;

const agent = (name: string, more: string): string =>
  `apiVersion: loopwright.dev/v1\nkind: Agent\nname: ${name}\nrunner: model\nprocedure: chat\ninstructions: You are ${name}.\n${more}\n`;

/**
 * Says three things in one thread, under ids of their own as a surface does that repeats itself. The first agent gives a part away, then hands over.
 */
export const liveTurns: Life = async (db, folder) => {
  const engine = await testEngine({
    db,
    clock: systemClock,
    files: chatWorkspace({
      "agents/first.yaml": agent("first", "tools: [effect.findable]\ndelegates: [part]\nhandoffs: [second]"),
      "agents/part.yaml": agent("part", "tools: [effect.findable]"),
      "agents/second.yaml": agent("second", ""),
    }),
    model: scriptedModel(({ system, messages }) => {
      const last = messages.at(-1)!;
      const calls = messages.filter(({ role }) => role === "tool").length;
      if (system.startsWith("You are first"))
        return calls === 0 ? callTool("delegate.part", { goal: "do it" }) : callTool("handoff.second", { reason: "the rest is yours" });
      if (system.startsWith("You are part")) return calls === 0 ? callTool("effect.findable") : say("the part is done");
      return say(last.role === "user" ? `second heard: ${last.text.split("\n")[0]}` : "?");
    }),
    tools: [effectTool(join(folder, "effects"), { name: "effect.findable", effect: "findable" })],
  });

  const { workspace } = await engine.workspaces.current();
  const request = { surface: "sweep", channel: "ana", externalId: "one", agent: "first", labels: {}, by: ANA };
  const { thread } = await inTransaction(db, (tx) => openThread(tx, { clock: engine.clock, workspace }, request));
  const deps = { db, clock: engine.clock, workspaces: engine.workspaces, tiers: engine.tiers, mayTake: () => true };
  for (const [externalId, way] of [
    ["m1", "steer"],
    ["m2", "steer"],
    ["m3", "turn"],
  ] as const) {
    await receiveTurn(deps, { threadId: thread.id, text: `message ${externalId}`, author: ANA, trust: "owner", externalId, way });
  }
  await liveOn(engine, { person: ANA });
};

if (import.meta.main) await liveOnce(liveTurns);
