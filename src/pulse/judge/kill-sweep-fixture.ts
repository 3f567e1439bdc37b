import { sql } from "kysely";
import { callTools, say, scriptedModel } from "#src/testing/scripted-model.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { type Life, liveOnce } from "#src/testing/sweep-life.ts";
import { judgeIn } from "./judge-fixture.ts";

/** What the pulse and the engine of one server do with one decision: four acts that would show it if they were done twice. */
export const liveJudge: Life = async (db, folder, url) => {
  const model = scriptedModel(({ messages }) =>
    messages.length === 1
      ? callTools([
          { name: "loop.goal_write", args: { id: "bread", body: "# Bread" } },
          { name: "loop.journal_write", args: { text: "looked at the flour" } },
          { name: "loop.goal_archive", args: { id: "stock" } },
          { name: "loop.claim", args: { name: "oven" } },
        ])
      : say("Done."),
  );
  const at = await judgeIn({ db, url, folder, clock: heldClock(), advance: () => Promise.resolve() }, model);
  await sql`update runs set due = loop_now() where holder is not null`.execute(db); // the lease of the process that was killed has run out
  await at.settle();
  await at.close();
};

if (import.meta.main) await liveOnce(liveJudge);
