import { sql } from "kysely";
import { type Case, judged } from "../harness/case.ts";
import { readOutside } from "./outside.ts";
import { HEADER } from "./office.ts";
import { keep, order } from "./orders.ts";
import { play } from "./play.ts";
import type { Scene } from "./scene.ts";

const [MOST_HANDOVERS, MOST_DEEP, MOST_PARTS, MOST_RUNS] = [10, 3, 8, 24];
const [TURNS, CAP_USD, CAP_TOKENS, NANOS] = [40, 0.003, 3_000, 1e9];

const agent = (name: string, more: string): Record<string, string> => ({
  [`agents/${name}.yaml`]: `${HEADER}\nkind: Agent\nname: ${name}\nrunner: model\nprocedure: chat\nmaxTurns: ${TURNS}\ninstructions: You are ${name}.\n${more}\n`,
});
const budget = (name: string, cap: string): Record<string, string> => ({
  [`budgets/${name}.yaml`]: `${HEADER}\nkind: Budget\nname: ${name}\nscope: { agent: ${name} }\nperiod: month\n${cap}\n`,
});

const FILES = {
  "loop.yaml": `${HEADER}\nkind: Workspace\nname: office\nsandbox: off\nmodels: { strong: "scripted:one", fast: "scripted:one" }\nprices: { "scripted:*": { inputUsd: 1, outputUsd: 2 } }\ndefaults: { maxOutputTokens: 200 }\n`,
  ...agent("ping", "handoffs: [pong]"),
  ...agent("pong", "handoffs: [ping]"),
  ...agent("one", "delegates: [two]"),
  ...agent("two", "delegates: [three]"),
  ...agent("three", "delegates: [four]"),
  ...agent("four", "delegates: [one]"),
  ...agent("spender", "tools: [crm.note]"),
  ...agent("talker", "tools: [crm.note]"),
  ...agent("stubborn", "tools: [bank.balance]"),
  ...budget("spender", `capUsd: ${CAP_USD}`),
  ...budget("talker", `capTokens: ${CAP_TOKENS}`),
};

const endless = (id: string, who: string, text: string): Scene => ({
  id,
  title: who,
  answers: "none",
  content: {},
  turns: [{ via: "run", agent: who, trust: "owner", text }],
});
/** Each is ordered to go on for ever, and to order the same of whoever it gives work to. */
const SCENES = [
  endless("r1", "ping", keep("handoff.*", { reason: "yours", evidence: "{{n}}" })),
  endless("r2", "one", keep("delegate.*", { goal: "{{again}}" })),
  endless("r3", "spender", keep("crm.note", { id: "{{n}}", text: "GOOD-r3-1" })),
  endless("r4", "talker", keep("crm.note", { id: "{{n}}", text: "GOOD-r4-1" })),
  endless("r5", "stubborn", keep("bank.balance", { id: "same" })),
  endless("r6", "four", `${order("delegate.one", { goal: keep("delegate.four", { goal: "back" }) })}`),
];

interface Reached {
  readonly handovers: number;
  readonly deep: number;
  readonly parts: number;
  readonly runs: number;
  readonly turns: number;
  readonly spent: number;
  readonly most: number;
  readonly tokens: number;
  readonly mostTokens: number;
  readonly repeated: number;
  readonly asked: number;
}

export const runaway: Case = {
  id: "H-45",
  title:
    "agents that hand over to each other, give parts away, repeat a paid call or the same call for ever: depth, fan-out, turns, tokens and money have an end",
  short: true,
  limitMs: { short: 90_000, full: 90_000 },
  async run(world) {
    const played = await play(world, { name: "office", isGoverned: true, scenesAt: () => SCENES, more: FILES });
    const { rows } = await sql<Reached>`
      select
        (select max(n)::int from (select count(*) as n from events where kind = 'run.handed_over' group by run_id) x) as handovers,
        (select max(jsonb_array_length(coalesce(limits -> 'givers', '[]')))::int from runs where labels ->> 'scene' = 'r2') as deep,
        (select max(n)::int from (select count(*) as n from runs where parent_run_id is not null group by parent_run_id) x) as parts,
        (select count(*)::int from runs where labels ->> 'scene' = 'r2') as runs,
        (select max(turns)::int from runs) as turns,
        (select coalesce(sum(cost_nanos), 0)::float8 from ledger where agent = 'spender') as spent,
        (select max(reserved_nanos)::float8 from ledger where agent = 'spender') as most,
        (select sum(input_tokens + output_tokens)::int from ledger where agent = 'talker') as tokens,
        (select max(reserved_tokens)::int from ledger where agent = 'talker') as "mostTokens",
        (select count(*)::int from acts where name = 'bank.balance' and state = 'done') as repeated,
        (select count(*)::int from asks where purpose in ('budget', 'repeating') and state = 'open') as asked`.execute(played.house.db);
    const at = rows[0]!;
    const notes = readOutside(played.folder).length;
    return judged({
      reached: [at.handovers, at.parts, at.spent, at.tokens, at.repeated].filter((times) => times > 0).length,
      wanted: 5,
      figure: `${at.handovers} handovers, ${at.runs} runs ${at.deep} deep with ${at.parts} parts at most, ${at.turns} turns, $${(at.spent / NANOS).toFixed(4)} of $${CAP_USD}, ${at.tokens} of ${CAP_TOKENS} tokens, the same call ${at.repeated} times, ${notes} notes, ${at.asked} people asked`,
      conditions: {
        "everything came to rest": played.rested,
        "handovers end": at.handovers <= MOST_HANDOVERS,
        "work is given on so deep, in so many parts, as so many runs": at.deep <= MOST_DEEP && at.parts <= MOST_PARTS && at.runs <= MOST_RUNS,
        "turns end": at.turns <= TURNS,
        "money ends, within one call": at.spent <= CAP_USD * NANOS + at.most && at.spent > 0,
        "tokens end, within one call": at.tokens <= CAP_TOKENS + at.mostTokens,
        "the same call is asked about": at.repeated <= 4,
        "people are asked": at.asked >= 3,
      },
    });
  },
};
