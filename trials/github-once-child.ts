import { sql } from "kysely";
import { githubTools } from "#src/adapters/tool-github/tools.ts";
import { answerAsk } from "#src/asks/answer.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { openDatabase } from "#src/database/open.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { drain } from "#src/testing/engine.ts";
import { callTool, say, scriptedModel } from "#src/testing/scripted-model.ts";
import { toolServer } from "#src/testing/tool-server.ts";
import { ANSWERS, PERSON } from "./harness/people.ts";
import { putInForce, queueRuns, trialEngine } from "./harness/trial-engine.ts";

/*
 * One process of the trial: an agent wants an issue, a person approves it, it is created. Started again after a kill it does the same from whatever is on record.
 */

const [url, folder, githubUrl, repo, token] = process.argv.slice(2) as [string, string, string, string, string];
const HEADER = "apiVersion: loopwright.dev/v1";
const database = openDatabase({ url, poolSize: 4, prepare: true, transactionTimeoutMs: 30_000, onIdleError: () => undefined });
const { db } = database;
await putInForce(
  db,
  chatWorkspace({
    "agents/helper.yaml": `${HEADER}\nkind: Agent\nname: helper\nrunner: model\nprocedure: chat\ntools: ["github.*"]\napprovals: { requireFor: ["github.*.write"] }\n`,
  }),
);
const server = toolServer(
  { by: "github" as const, baseUrl: githubUrl, auth: { type: "token", token: "secret:github" }, repositories: [repo] },
  { name: "github" },
);
const engine = await trialEngine({
  db,
  folder,
  name: `github-${process.pid}`,
  model: scriptedModel((call) =>
    call.messages.length === 1 ? callTool("github.issues.write", { repo, title: "The oven is cold", body: "Since this morning." }) : say("created"),
  ),
  tools: githubTools(server, { clock: systemClock, secret: () => Promise.resolve(token) }),
});
const { rows } = await sql<{ id: string }>`select id from runs`.execute(db);
if (rows.length === 0) await queueRuns(db, ["open an issue"]);
await sql`update runs set due = loop_now() where holder is not null`.execute(db); // the lease of the process that was killed has run out
for (;;) {
  const claims = await drain(engine);
  const asks = await openAsks(db);
  for (const ask of asks) await answerAsk(db, engine.clock, { askId: ask.id, person: PERSON, answer: ANSWERS[ask.purpose] ?? "approve", face: "trial" });
  if (claims === 0 && asks.length === 0) break;
}
await database.close();
