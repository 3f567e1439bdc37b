import { join } from "node:path";
import { outboxSurface } from "#src/adapters/surface-outbox/outbox.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { sql } from "kysely";
import { chatWorkspace } from "./chat-workspace.ts";
import { effectTool } from "./effect-ledger.ts";
import { startRun, testEngine } from "./engine.ts";
import { callTools, say, scriptedModel } from "./scripted-model.ts";
import { type Life, liveOn, liveOnce } from "./sweep-life.ts";

const ANSWERER = { id: "prn_sweep" as const, handle: "sweep", roles: ["owner"] as const };
const ANSWERS: Readonly<Record<string, string>> = {
  act: "approve",
  unknown: "give up",
  quarantine: "try again",
  acknowledgement: "acknowledged",
  check: "yes",
  resolution: "done",
};

/** A run that calls tools of every class, one of them after an approval: made if there is none, and worked to its end. */
export const liveChat: Life = async (db, folder) => {
  const ledger = join(folder, "effects");
  const engine = await testEngine({
    db,
    clock: systemClock,
    files: chatWorkspace(),
    model: scriptedModel((call) =>
      call.messages.length === 1
        ? callTools(["effect.idempotent", "effect.findable", "effect.once", "effect.careful"].map((name) => ({ name })))
        : say("all done"),
    ),
    tools: [
      ...(["idempotent", "findable", "once"] as const).map((effect) => effectTool(ledger, { name: `effect.${effect}`, effect })),
      effectTool(ledger, { name: "effect.careful", effect: "findable" }),
    ],
    surfaces: [outboxSurface({ db, folder: join(folder, "outbox"), clock: systemClock })],
  });
  const { rows } = await sql`select id from runs`.execute(db);
  if (rows.length === 0) await startRun(engine, "helper", "do all four");
  await liveOn(engine, { person: ANSWERER, answer: ({ purpose }) => ANSWERS[purpose] ?? "approve" });
};

if (import.meta.main) await liveOnce(liveChat);
