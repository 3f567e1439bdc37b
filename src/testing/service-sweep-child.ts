import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { createQueue } from "#src/database/queue.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { takeCall } from "#src/services/call.ts";
import type { SendCallback } from "#src/services/callback.ts";
import { enqueueAfter, workCallbacks } from "#src/services/jobs.ts";
import { chatWorkspace } from "./chat-workspace.ts";
import { effectTool } from "./effect-ledger.ts";
import { testEngine } from "./engine.ts";
import { callTool, say, scriptedModel } from "./scripted-model.ts";
import { silentLog } from "./silent-log.ts";
import { type Life, liveOn, liveOnce } from "./sweep-life.ts";

const BACKEND = { id: "prn_backend", handle: "backend", roles: ["operator"] } as const;

const agent = (name: string): string =>
  `apiVersion: loopwright.dev/v1\nkind: Agent\nname: ${name}\nrunner: model\nprocedure: chat\ninstructions: You are ${name}.\ntools: [effect.findable]\n`;
const SERVICE = `apiVersion: loopwright.dev/v1
kind: Service
name: orders
startingAgent: first
agents: [first, second]
handoffs: [{ from: first, to: second, on: { tool: effect.findable } }]
callbackSecret: secret:hook
`;

/** Two calls in one session that want to be called back, each repeated by its caller until it was taken; a tool hands the first over from agent to agent. */
export const liveService: Life = async (db, folder, url) => {
  const queue = createQueue({ db, url, log: silentLog, supervises: false });
  await queue.start();
  const base = await testEngine({
    db,
    clock: systemClock,
    files: chatWorkspace({ "agents/first.yaml": agent("first"), "agents/second.yaml": agent("second"), "services/orders.yaml": SERVICE }),
    model: scriptedModel(({ system, messages }) =>
      system.startsWith("You are first") && messages.every(({ role }) => role !== "tool")
        ? callTool("effect.findable")
        : say(`${/^You are (\w+)/.exec(system)![1]} did it`),
    ),
    tools: [effectTool(join(folder, "effects"), { name: "effect.findable", effect: "findable" })],
  });
  const engine = { ...base, whenEnded: enqueueAfter(queue) };
  const { revision, workspace } = await engine.workspaces.current();
  const place = { clock: engine.clock, revision, workspace, tiers: engine.tiers(workspace) };
  for (const text of ["one lamp", "and a chair"]) {
    const body = { messages: [{ role: "user", text }], session_id: "s", callback_url: "https://back.example/done" };
    await takeCall(db, place, { service: workspace.services[0]!, caller: BACKEND, body });
  }
  await liveOn(engine, { person: BACKEND });
  await sql`update pgboss.job set state = 'retry', start_after = created_on where state = 'active'`.execute(db); // their process is gone; its missing heartbeat says so in time
  await workCallbacks(queue, { ...engine, secret: () => Promise.resolve("whsec_c2VjcmV0IG9mIHRoZSBvcmRlcnM="), send: sendTo(join(folder, "called-back")) });
  while ((await sql`select id from service_calls where callback_state = 'waiting'`.execute(db)).rows.length > 0);
  await queue.stop();
};

/** Whoever is called back: keeps what arrives, under the id by which a repeat is known. */
const sendTo =
  (file: string): SendCallback =>
  ({ headers, body }) => {
    const { state, output } = JSON.parse(body) as { state: string; output: { text: string } };
    return appendFile(file, `${JSON.stringify({ key: headers["webhook-id"], kind: `${state}: ${output.text}` })}\n`);
  };

if (import.meta.main) await liveOnce(liveService);
