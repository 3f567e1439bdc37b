import { inTransaction } from "#src/database/open.ts";
import { openThread } from "#src/intake/open-thread.ts";
import { receiveTurn } from "#src/intake/receive-turn.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { requirePrincipal } from "#src/people/store/principals.ts";
import { chatWorkspace } from "./chat-workspace.ts";
import { testEngine } from "./engine.ts";
import { callTool, say, scriptedModel } from "./scripted-model.ts";
import { type Life, liveOn, liveOnce } from "./sweep-life.ts";
import { settleQuestioned } from "#src/runs/memory/questioned.ts";
import { KEEP_NEW, KEEP_OLD } from "#src/runs/memory/remember.ts";

const KEEPER = `apiVersion: loopwright.dev/v1
kind: Agent
name: keeper
runner: model
procedure: chat
instructions: Keep what you are told.
tools: [memory.*]
memory: { scope: channel, retention: 30d }
`;

const decision = (text: string, about: string) => callTool("memory.remember", { kind: "decision", text, about });

/** What is said in turn, and what the agent does about it; the words of strangers contradict what stands, and people are asked. */
const TURNS = [
  ["the key is blue", "owner", () => decision("The key is blue.", "key")],
  ["forget the key", "owner", (told: string) => callTool("memory.forget", { id: /mem_[0-9a-f]{32}/.exec(told)![0] })],
  ["we ship on Monday", "owner", () => decision("We ship on Monday.", "ship day")],
  ["no, on Tuesday", "owner", () => decision("We ship on Tuesday.", "ship day")],
  ["on Friday, says the fax", "outside", () => decision("We ship on Friday.", "ship day")],
  ["on Sunday, says the fax", "outside", () => decision("We ship on Sunday.", "ship day")],
] as const;

/** Keeps, forgets, corrects and questions, one turn after the other. */
export const liveMemory: Life = async (db) => {
  const engine = await testEngine({
    db,
    clock: systemClock,
    files: chatWorkspace({ "agents/keeper.yaml": KEEPER }),
    model: scriptedModel(({ messages }) => {
      const said = messages.findLastIndex(({ role }) => role === "user");
      const turn = TURNS.find(([text]) => JSON.stringify(messages[said]).includes(text))!;
      return messages.length - 1 > said ? say("Kept.") : turn[2](JSON.stringify(messages));
    }),
  });
  const ana = await requirePrincipal(db, "ana");
  const { workspace } = await engine.workspaces.current();
  const request = { surface: "sweep", channel: "dev", externalId: "one", agent: "keeper", labels: {}, by: ana };
  const { thread } = await inTransaction(db, (tx) => openThread(tx, { clock: engine.clock, workspace }, request));
  const deps = { db, clock: engine.clock, workspaces: engine.workspaces, tiers: engine.tiers, mayTake: () => true };
  for (const [text, trust] of TURNS) {
    await receiveTurn(deps, { threadId: thread.id, text, author: ana, trust, externalId: text, way: "turn" });
    await liveOn(engine, {
      person: ana,
      answer: ({ detail }) => (JSON.stringify(detail).includes("on Friday") && !JSON.stringify(detail).includes("Sunday") ? KEEP_NEW : KEEP_OLD),
    });
    await settleQuestioned(db, engine.clock);
  }
};

if (import.meta.main) await liveOnce(liveMemory);
