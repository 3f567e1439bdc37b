import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { inTransaction } from "#src/database/open.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { syncTeam } from "#src/people/team.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { liveDelivery } from "#src/testing/deliver-sweep-child.ts";
import { killAtEveryPoint, type SweepPlace } from "#src/testing/kill-sweep.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { applyFiles } from "#src/workspace/taking.ts";

const TEAM = `apiVersion: loopwright.dev/v1
kind: Team
name: all
members:
  - { id: ana, name: Ana, roles: [owner], contact: { surface: outbox, address: ana } }
  - { id: rui, name: Rui, roles: [approver], contact: { surface: plain, address: rui } }
`;

async function prepare({ db }: SweepPlace): Promise<void> {
  await applyFiles(db, systemClock, { files: chatWorkspace({ "teams/all.yaml": TEAM }), author: "system", note: "test" });
  const { workspace } = await createWorkspaceView(db).current();
  await inTransaction(db, (tx) => syncTeam(tx, systemClock, workspace.team));
}

async function judge({ db, folder }: SweepPlace) {
  const texts = async (place: string): Promise<string[]> => {
    const names = (await readdir(join(folder, place))).filter((name) => name.endsWith(".md"));
    return Promise.all(names.map((name) => readFile(join(folder, place, name), "utf8")));
  };
  const { rows } = await sql<{ told: string }>`
    select e.kind || ' ' || (p.body::jsonb ->> 'to') || ' ' || (p.body::jsonb ->> 'what') as told
    from events e join payloads p on p.event_id = e.id where e.kind like 'ask.deliver%' order by 1`.execute(db);
  const { rows: open } = await sql`select id from ask_copies where due is not null or shown < wanted`.execute(db);
  return {
    outbox: (await texts("outbox/ana")).map((text) => /^Subject: (.*)$/m.exec(text)![1]!).toSorted(),
    plain: (await texts("plain")).map((text) => text.split("\n")[1]!).toSorted(),
    told: rows.map(({ told }) => told),
    open: open.length,
  };
}

const UNHARMED = {
  outbox: ["Answered: Reminder: approval · message dispatch", "Answered: approval · message dispatch"],
  plain: ["Answered: approval · message dispatch", "Reminder: approval · message dispatch", "approval · message dispatch"],
  told: ["ana ask", "ana reminder", "ana settled", "ana settled", "rui ask", "rui reminder", "rui settled"].map((what) => `ask.delivered ${what}`),
  open: 0,
};

test("killed at every named point in turn, each person has each message once, and the copies say how it ended", { timeout: 300_000 }, (t) =>
  killAtEveryPoint(t, {
    program: new URL("../../testing/deliver-sweep-child.ts", import.meta.url),
    live: liveDelivery,
    prepare,
    judge,
    unharmed: UNHARMED,
    chosen: (points) => points.filter(({ name }) => /^(deliver|outbox)\./.test(name)),
    reaches: ["locked", "taken_back", "planned", "plan_committed", "claimed", "searched", "posted", "recorded", "committed", "edited", "followed_up"].map(
      (point) => `deliver.${point}`,
    ),
  }),
);
