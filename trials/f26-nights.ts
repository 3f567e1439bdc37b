import { sql } from "kysely";
import { createQueue } from "#src/database/queue.ts";
import { createTriggers, type Firing } from "#src/pulse/triggers.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { type Case, judged } from "./harness/case.ts";
import type { TrialDatabase } from "./harness/cluster.ts";
import { HEADER } from "./harness/model-house.ts";
import { putInForce, trialEngine } from "./harness/trial-engine.ts";
import type { World } from "./harness/world.ts";

const trigger = (name: string, at: string, more = ""): string =>
  `${HEADER}\nkind: Trigger\nname: ${name}\nagent: helper\non: { schedule: { at: "${at}", text: "look", missed: once${more} } }\n`;

/** A night in which clocks are turned, or a day that most years lack: from when to when it is looked at, and how often each schedule must have fired. */
interface Night {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly timeZone: string;
  readonly beats: Readonly<Record<string, number>>;
}

/** `in`: a fixed time within the turn; `near`: an hour after it; `hourly`: each hour that there is; `leap`: on 29 February. */
const NIGHTS: readonly Night[] = [
  {
    name: "Lisbon, forward",
    from: "2027-03-27T12:00Z",
    to: "2027-03-28T11:00Z",
    timeZone: "Europe/Lisbon",
    beats: { in: 1, near: 1, hourly: 23, leap: 0 },
  },
  { name: "Lisbon, back", from: "2027-10-30T11:00Z", to: "2027-10-31T12:00Z", timeZone: "Europe/Lisbon", beats: { in: 1, near: 1, hourly: 25, leap: 0 } },
  {
    name: "New York, forward",
    from: "2027-03-13T17:00Z",
    to: "2027-03-14T16:00Z",
    timeZone: "America/New_York",
    beats: { in: 1, near: 1, hourly: 23, leap: 0 },
  },
  { name: "New York, back", from: "2027-11-06T16:00Z", to: "2027-11-07T17:00Z", timeZone: "America/New_York", beats: { in: 1, near: 1, hourly: 25, leap: 0 } },
  {
    name: "Lord Howe, half an hour",
    from: "2027-10-02T02:00Z",
    to: "2027-10-03T01:00Z",
    timeZone: "Australia/Lord_Howe",
    beats: { in: 1, near: 1, hourly: 22, leap: 0 },
  },
  { name: "Taipei, never", from: "2027-12-31T04:00Z", to: "2028-01-01T04:00Z", timeZone: "Asia/Taipei", beats: { in: 1, near: 1, hourly: 24, leap: 0 } },
  { name: "a leap day", from: "2028-02-28T12:00Z", to: "2028-03-01T12:00Z", timeZone: "UTC", beats: { in: 2, near: 2, hourly: 48, leap: 1 } },
  { name: "no leap day", from: "2029-02-27T12:00Z", to: "2029-03-02T12:00Z", timeZone: "UTC", beats: { in: 3, near: 3, hourly: 72, leap: 0 } },
];

const SHORT = new Set(["Lisbon, forward", "New York, back", "Lord Howe, half an hour", "a leap day"]);

/** A time that the clock shows twice, or not at all, where it is turned. */
const WITHIN: Readonly<Record<string, string>> = {
  "Europe/Lisbon": "30 1 * * *",
  "America/New_York": "30 2 * * *",
  "Australia/Lord_Howe": "15 2 * * *",
  "Asia/Taipei": "30 2 * * *",
  UTC: "30 2 * * *",
};

export const nights: Case = {
  id: "F26",
  title:
    "nights in which clocks are turned, and 29 February, with two processes that look at odd times: each schedule fires once, and its ticket is there once",
  short: true,
  limitMs: { short: 90_000, full: 180_000 },
  async run(world) {
    const seen: string[] = [];
    let wrong = 0;
    let looks = 0;
    for (const night of world.short ? NIGHTS.filter(({ name }) => SHORT.has(name)) : NIGHTS) {
      const { counted, looked } = await through(world, night);
      looks += looked;
      for (const [name, wanted] of Object.entries(night.beats)) if (counted.get(name) !== wanted) wrong += 1;
      seen.push(`${night.name} ${[...counted].map(([name, count]) => `${name} ${count}`).join(" ")}`);
    }
    return judged({
      reached: seen.length,
      wanted: world.short ? SHORT.size : NIGHTS.length,
      figure: `${looks} looks; ${seen.join("; ")}`,
      conditions: { "each schedule fired as often as it should": wrong === 0 },
    });
  },
};

/** Goes through one night; gives how many tickets each schedule made. */
async function through(world: World, night: Night): Promise<{ counted: Map<string, number>; looked: number }> {
  const database = await world.database({ movableClock: true });
  const { db, url } = database;
  const zone = `, timeZone: ${night.timeZone}`;
  await setClock(database, night.from);
  await putInForce(
    db,
    chatWorkspace({
      "triggers/in.yaml": trigger("in", WITHIN[night.timeZone]!, zone),
      "triggers/near.yaml": trigger("near", "30 4 * * *", zone),
      "triggers/hourly.yaml": trigger("hourly", "5 * * * *", zone),
      "triggers/leap.yaml": trigger("leap", "0 7 29 2 *", zone),
    }),
  );
  const queue = createQueue({ db, url, log: silentLog, supervises: false });
  await queue.start();
  world.after(() => queue.stop());
  const jobs: Firing[] = [];
  const kept = { ...queue, enqueue: (_: unknown, _name: string, data: object) => Promise.resolve(String(jobs.push(data as Firing))) };
  const engine = await trialEngine({ db, folder: world.folder, name: night.timeZone.replace("/", "-") });
  const process = () => createTriggers({ engine, queue: kept, mayTake: () => true, changed: () => undefined });
  const both = [process(), process()];
  let looked = 0;
  for (let at = Date.parse(night.from); at < Date.parse(night.to); at += (1 + (looked % 3)) * 37_000) {
    await setClock(database, new Date(at).toISOString());
    if (looked % 40 === 39) both[looked % 2] = process(); // one of them started again
    await Promise.all(looked % 5 === 0 ? both.map(({ look }) => look()) : [both[looked % 2]!.look()]);
    looked += 1;
    for (const [index, data] of jobs.splice(0).entries()) {
      const id = `0199c0ff-0000-7000-8000-${String(looked * 100 + index).padStart(12, "0")}`;
      await Promise.all(both.map(({ fire }) => fire({ id, data })));
    }
  }
  const { rows } = await sql<{ name: string; n: number }>`select replace(sender, 'trigger:', '') as name, count(*)::int as n from tickets group by 1`.execute(
    db,
  );
  const counted = new Map(Object.keys(night.beats).map((name) => [name, rows.find((row) => row.name === name)?.n ?? 0]));
  return { counted, looked };
}

async function setClock({ db, advance }: TrialDatabase, to: string): Promise<void> {
  const { rows } = await sql<{ ms: number }>`select extract(epoch from loop_now())::float8 * 1000 as ms`.execute(db);
  await advance(Date.parse(to) - rows[0]!.ms);
}
