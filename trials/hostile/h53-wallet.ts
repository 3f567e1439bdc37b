import { sql } from "kysely";
import type { ModelPort } from "#src/acts/ports/model-port.ts";
import { receiveText } from "#src/intake/receive.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { say, scriptedModel } from "#src/testing/scripted-model.ts";
import { type Case, judged } from "../harness/case.ts";
import { putInForce, trialEngine } from "../harness/trial-engine.ts";
import { inLanes } from "../harness/wait.ts";
import { filesOf } from "#src/testing/workspace-files.ts";
import { atWork } from "./house.ts";
import { HEADER } from "./office.ts";

const [FLOOD_USD, HOUSE_USD, NANOS] = [0.05, 0.2, 1e9];
const MESSAGES = { short: 1_500, full: 10_000 };
const SENDING_MS = { short: 8_000, full: 30_000 };
/** One in so many is long: what it costs is not known by counting messages. */
const LONG_EVERY = 40;
const LONG = "many words, ".repeat(1_000);
const INNOCENT_EVERY = 100;

const budget = (name: string, scope: string, capUsd: number): string =>
  `${HEADER}\nkind: Budget\nname: ${name}\nscope: ${scope}\nperiod: day\ncapUsd: ${capUsd}\nonReach: pause\n`;

const FILES = filesOf({
  "loop.yaml": `${HEADER}\nkind: Workspace\nname: office\nmodels: { strong: "scripted:one", fast: "scripted:one" }\nprices: { "scripted:*": { inputUsd: 1, outputUsd: 2 } }\ndefaults: { maxOutputTokens: 200, agent: clerk }\n`,
  "agents/clerk.yaml": `${HEADER}\nkind: Agent\nname: clerk\nrunner: model\nprocedure: chat\ninstructions: Answer.\n`,
  "policies/all.yaml": `${HEADER}\nkind: Policy\nname: all\nrules:\n  - { name: think, when: { kind: model }, then: allow, why: thinking is free }\n`,
  "teams/all.yaml": `${HEADER}\nkind: Team\nname: all\nmembers: [{ id: ana, name: Ana, roles: [owner] }]\n`,
  "budgets/flood.yaml": budget("flood", "{ label: source, value: flood }", FLOOD_USD),
  "budgets/house.yaml": budget("house", "{ workspace: true }", HOUSE_USD),
});

/** It bills what it was sent, four letters a token, and no answer is like another, so nothing is cached. */
function billing(): ModelPort {
  let calls = 0;
  return scriptedModel((call) => {
    calls += 1;
    const input = Math.ceil(JSON.stringify(call.messages).length / 4);
    return say(`answer ${calls}`, { usage: { input, cached: 0, output: 50, reasoning: 0, costUsd: null } });
  });
}

interface Spent {
  readonly spent: number;
  readonly calls: number;
  readonly most: number;
}

export const wallet: Case = {
  id: "H-53",
  title:
    "a flood of cheap messages, some of them long: what a source spends ends at its budget and one call, others are answered meanwhile, nothing is lost, and people are asked once or twice",
  short: true,
  limitMs: { short: 90_000, full: 180_000 },
  async run(world) {
    const { db, url } = await world.database({ poolSize: 12 });
    await putInForce(db, FILES);
    const engine = await trialEngine({ db, folder: world.folder, name: "wallet", model: billing() });
    const house = atWork(world, engine, url);
    const deps = { db, clock: systemClock, workspaces: engine.workspaces, tiers: engine.tiers, mayTake: () => true, whoIs: () => Promise.resolve(undefined) };
    const [wanted, sendingMs] = world.short ? [MESSAGES.short, SENDING_MS.short] : [MESSAGES.full, SENDING_MS.full];
    const endsAt = performance.now() + sendingMs;
    let sent = 0;
    await inLanes(
      Array.from({ length: wanted }, (_, at) => at),
      8,
      async (at) => {
        if (performance.now() > endsAt) return;
        const source = at % INNOCENT_EVERY === 0 ? "shop" : "flood";
        const text = at % LONG_EVERY === 1 ? `${at} ${LONG}` : `hello ${at}`;
        await receiveText(deps, { provider: "mail", surface: "mail", sender: `stranger-${at}@example.org`, externalId: `m-${at}`, text, labels: { source } });
        sent += 1;
      },
    );
    house.hint();
    const rested = await house.rests();
    const spentBy = async (source: string): Promise<Spent> => {
      const { rows } = await sql<Spent>`
        select coalesce(sum(cost_nanos), 0)::float8 as spent, count(*)::int as calls, coalesce(max(reserved_nanos), 0)::float8 as most from ledger where labels ->> 'source' = ${source}`.execute(
        db,
      );
      return rows[0]!;
    };
    const [flood, shop] = [await spentBy("flood"), await spentBy("shop")];
    const { rows } = await sql<{ runs: number; done: number; shop: number; shopDone: number; asks: number; reserved: number }>`
      select count(*)::int as runs, count(*) filter (where state = 'done')::int as done, count(*) filter (where labels ->> 'source' = 'shop')::int as shop,
        count(*) filter (where labels ->> 'source' = 'shop' and state = 'done')::int as "shopDone",
        (select count(*)::int from asks where purpose = 'budget') as asks, (select count(*)::int from ledger where state = 'reserved') as reserved from runs`.execute(
      db,
    );
    const at = rows[0]!;
    const usd = (nanos: number): string => `$${(nanos / NANOS).toFixed(4)}`;
    return judged({
      reached: sent,
      wanted: world.short ? 150 : 500,
      figure: `${sent} messages in ${Math.round((performance.now() - endsAt + sendingMs) / 1_000)} s; the flood spent ${usd(flood.spent)} of $${FLOOD_USD} in ${flood.calls} calls, ${at.runs - at.done} wait behind ${at.asks} question(s); ${at.shopDone} of ${at.shop} others answered for ${usd(shop.spent)}`,
      conditions: {
        "everything came to rest": rested && at.reserved === 0,
        "nothing is lost": at.runs === sent,
        "spending ends at the budget and one call": flood.spent <= FLOOD_USD * NANOS + flood.most,
        "the budget was used, but for less than one call": flood.spent > FLOOD_USD * NANOS - 2 * flood.most,
        "the others are answered": at.shopDone === at.shop && at.shop > 0,
        "few questions are put": at.asks >= 1 && at.asks <= 24,
      },
    });
  },
};
