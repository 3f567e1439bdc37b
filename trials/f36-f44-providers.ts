import { sql } from "kysely";
import { openAsks } from "#src/asks/store/read.ts";
import { type Case, judged } from "./harness/case.ts";
import { answerError, answerWell, type FakeCall, fakeModels, type FakeModels, USED } from "./harness/fake-models.ts";
import { HEADER, modelFiles, openModelHouse } from "./harness/model-house.ts";
import { countOf, ended } from "./harness/oracle.ts";
import { until } from "./harness/wait.ts";

const COST = USED.input * 1_000 + USED.output * 2_000;

/** A generator that gives the same numbers every time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** Calls of one text, oldest first: each run says a text of its own. */
const callsOf = (fake: FakeModels, text: string): FakeCall[] => fake.calls.filter((call) => call.text === text);

const BUDGET = { "budgets/all.yaml": `${HEADER}\nkind: Budget\nname: all\nscope: { workspace: true }\nperiod: month\ncapUsd: 5\n` };

const limited: Case = {
  id: "F36",
  title: "429 with Retry-After in seconds, as a date, without, and with an hour, on both wires: honoured, spread out, and nothing charged",
  short: true,
  limitMs: { short: 90_000, full: 150_000 },
  async run(world) {
    const each = world.short ? 4 : 12;
    const waitS = 3;
    const fake = await fakeModels(world, (response, call) => {
      const kind = call.text.split(" ")[0]!;
      if (kind !== "hour" && callsOf(fake, call.text).length > 1) return answerWell(response, call);
      const after: Record<string, Record<string, string>> = {
        seconds: { "retry-after": String(waitS) },
        date: { "retry-after": new Date(Math.ceil((performance.timeOrigin + performance.now()) / 1_000 + waitS) * 1_000).toUTCString() },
        hour: { "retry-after": "3600" },
      };
      answerError(response, 429, after[kind] ?? {});
    });
    const kinds = ["seconds", "date", "without", "hour"];
    const texts = kinds.flatMap((kind) => Array.from({ length: each }, (_, index) => `${kind} ${index}`));
    const waits: number[] = [];
    let conditions: Record<string, boolean> = {};
    for (const models of ['{ strong: "one:m", fast: "one:m" }', '{ strong: "two:m", fast: "two:m" }']) {
      fake.calls.length = 0;
      const house = await openModelHouse(world, modelFiles(fake.url, { models, files: BUDGET }));
      const { db } = house.database;
      await house.queue(texts);
      const others = texts.length - each;
      await until(async () => (await ended(db)).done === others, { limitMs: 40_000 });
      const stated = texts.filter((text) => /seconds|date/.test(text)).map((text) => callsOf(fake, text));
      const gaps = stated.map((calls) => (calls[1]?.atMs ?? 0) - (calls[0]?.atMs ?? 0));
      waits.push(...gaps);
      const { rows } = await sql<{
        due: number;
      }>`select extract(epoch from t.due_at - loop_now())::float8 as due from timers t join runs r on r.id = t.run_id where r.ended_at is null`.execute(db);
      const dues = rows.map((row) => Number(row.due));
      const spent = await countOf(db, "select coalesce(sum(cost_nanos), 0)::bigint as n from ledger");
      conditions = {
        ...conditions,
        "all but the hour were answered": (await ended(db)).done === others,
        "nobody came before the time":
          gaps.every((gap) => gap >= waitS * 1_000 - 60) && gaps.length === 2 * each && (conditions["nobody came before the time"] ?? true),
        "not everybody came at one moment": new Set(gaps.map((gap) => Math.round(gap / 5))).size > gaps.length / 3,
        "the hour is waited for, and no longer than a little more": dues.length === each && dues.every((due) => due > 3_540 && due < 3_640),
        "two calls each, one for the hour": texts.every((text) => callsOf(fake, text).length === (text.startsWith("hour") ? 1 : 2)),
        "only the answers were charged": spent === others * COST,
      };
    }
    const bounds = `${(Math.min(...waits) / 1_000).toFixed(2)}–${(Math.max(...waits) / 1_000).toFixed(2)} s`;
    return judged({
      reached: waits.length,
      wanted: 4 * each,
      figure: `${waits.length} waits of ${waitS} s took ${bounds}; ${2 * each} wait for an hour, as rows`,
      conditions,
    });
  },
};

const mixed: Case = {
  id: "F37",
  title: "three calls in ten meet 500, 502, 503 or 529, on both wires: at least 99.9 % of the runs succeed, and every attempt is in the ledger",
  short: true,
  limitMs: { short: 120_000, full: 300_000 },
  async run(world) {
    const runs = world.short ? 200 : 1_000;
    const random = seeded(37);
    let failed = 0;
    const fake = await fakeModels(world, (response, call) => {
      if (random() >= 0.3) return answerWell(response, call);
      failed += 1;
      answerError(response, [500, 502, 503, 529][Math.floor(random() * 4)]!);
    });
    const house = await openModelHouse(world, modelFiles(fake.url, { models: '{ strong: "one:m", fast: "one:m", fallbacks: ["two:m"] }' }));
    const { db } = house.database;
    await house.queue(Array.from({ length: runs }, (_, index) => `run ${index}`));
    const settled = await house.allEnded(world.short ? 100_000 : 250_000);
    const { done } = await ended(db);
    const attempts = await countOf(db, "select count(*) as n from ledger where state = 'settled'");
    const estimated = await countOf(db, "select count(*) as n from ledger where source = 'estimated' and cost_nanos = reserved_nanos and cost_nanos > 0");
    const measured = await countOf(db, `select count(*) as n from ledger where source = 'measured' and cost_nanos = ${COST}`);
    const wires = new Set(fake.calls.map(({ wire }) => wire)).size;
    return judged({
      reached: failed,
      wanted: Math.floor(runs * 0.2),
      figure: `${runs} runs, ${fake.calls.length} calls, ${failed} of them failed; ${done} runs done, ${estimated} attempts counted with their reservation`,
      conditions: {
        settled,
        "99.9 % succeed": done >= runs * 0.999,
        "every attempt is in the ledger": attempts === fake.calls.length,
        "answers are charged as said": measured === done,
        "both wires were asked": wires === 2,
        "what broke inside the provider is counted, never free": estimated > 0,
      },
    });
  },
};

const allDown: Case = {
  id: "F43",
  title: "every provider is down: runs wait as rows, charge nothing, and go on by themselves when one is back",
  short: true,
  limitMs: { short: 90_000, full: 120_000 },
  async run(world) {
    const runs = world.short ? 40 : 200;
    const fake = await fakeModels(world, answerWell);
    await fake.down();
    const house = await openModelHouse(world, modelFiles(fake.url, { models: '{ strong: "one:m", fast: "one:m", fallbacks: ["two:m"] }' }));
    const { db } = house.database;
    await house.queue(Array.from({ length: runs }, (_, index) => `run ${index}`));
    let waiting = 0;
    await until(
      async () => {
        const now = await countOf(db, "select count(*) as n from timers t join runs r on r.id = t.run_id where r.state = 'waiting' and r.holder is null");
        waiting = Math.max(waiting, now);
        return waiting === runs && (await countOf(db, "select count(*) as n from ledger")) >= runs * 4;
      },
      { limitMs: 20_000 },
    );
    const tried = await countOf(db, "select count(*) as n from ledger");
    const spent = await countOf(db, "select coalesce(sum(cost_nanos), 0)::bigint as n from ledger");
    const asked = (await openAsks(db)).length;
    await fake.up();
    const settled = await house.allEnded(60_000);
    const { done } = await ended(db);
    return judged({
      reached: tried,
      wanted: runs * 2,
      figure: `${runs} runs made ${tried} tries while all was down, ${waiting} of them waiting as rows at once; then ${done} done`,
      conditions: {
        settled,
        "all done": done === runs,
        "nothing was charged while nobody answered": spent === 0,
        "nobody was asked": asked === 0,
        "all waited as rows": waiting === runs,
      },
    });
  },
};

const priceless: Case = {
  id: "F44",
  title: "a model without a price: refused under a cap in money, unknown and never zero elsewhere, on both wires",
  short: true,
  limitMs: { short: 60_000, full: 60_000 },
  async run(world) {
    const fake = await fakeModels(world, answerWell);
    let capped = 0;
    let unknown = 0;
    let called = 0;
    for (const provider of ["one", "two"]) {
      const models = `{ strong: "${provider}:unheard-of", fast: "${provider}:unheard-of" }`;
      fake.calls.length = 0;
      const strict = await openModelHouse(world, modelFiles(fake.url, { models, prices: "{}", files: BUDGET }));
      await strict.queue(["capped"]);
      await until(async () => (await openAsks(strict.database.db)).length > 0, { limitMs: 15_000 });
      const [ask] = await openAsks(strict.database.db);
      if (ask?.purpose === "budget" && /price of .* is unknown/.test(ask.prompt)) capped += 1;
      called += fake.calls.length;
      const open = await openModelHouse(world, modelFiles(fake.url, { models, prices: "{}" }));
      await open.queue(["open"]);
      await open.allEnded(15_000);
      unknown += await countOf(
        open.database.db,
        "select count(*) as n from ledger where state = 'settled' and cost_nanos is null and priced_as is null and output_tokens = 20",
      );
    }
    return judged({
      reached: fake.calls.length + capped,
      wanted: 2,
      figure: `${capped} refused before the call and asked about, ${unknown} called and counted as unknown`,
      conditions: { "refused under a cap": capped === 2, "not called under a cap": called === 0, "unknown, not zero": unknown === 2 },
    });
  },
};

export const providers: readonly Case[] = [limited, mixed, allDown, priceless];
