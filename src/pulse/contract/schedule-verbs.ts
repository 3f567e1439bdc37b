import { z } from "zod";
import { moments } from "#src/database/moments.ts";
import { inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { timeZone } from "#src/workspace/manifest/common.ts";
import { noteAction } from "../store/action-lines.ts";
import { dropSchedule, putSchedule, schedules, scheduleTime } from "../store/schedules.ts";
import { readSpec, type ScheduleSpec, signalOf, soonest } from "../world/schedule.ts";
import { loopName } from "./names.ts";
import { loopVerb, type LoopVerb } from "./verb.ts";

const LONGEST_S = 10 * 366 * 86_400;
const SHORTEST_EVERY_S = 60;
const MOST_SCHEDULES = 1_000;
const HOW = ["in", "every", "cron", "rrule"] as const;

const journal = z.string().max(2_000).optional().describe("the line of the journal; left out: what was done");
const seconds = (least: number) =>
  z.number(`expected a number of seconds`).min(least, `expected ${least} seconds or more`).max(LONGEST_S, "expected ten years at most, in seconds");

const wish = z
  .strictObject({
    name: loopName,
    in: seconds(1).optional().describe("once, so many seconds from now"),
    every: seconds(SHORTEST_EVERY_S).optional().describe("again and again, so many seconds apart; 60 at least"),
    cron: z
      .string()
      .max(200)
      .refine((text) => text.trim().split(/\s+/).length === 5, "expected five fields, such as 0 9 * * 1-5")
      .optional()
      .describe("five fields, such as 0 9 * * 1-5"),
    rrule: z.string().max(500).optional().describe("RFC 5545, such as FREQ=WEEKLY;BYDAY=MO"),
    timeZone: timeZone.optional().describe("of cron and rrule; left out: that of the workspace"),
    note: z.string().max(2_000).default(""),
    missed: z.enum(["once", "skip"]).default("once").describe("what came while nobody looked: once it comes late, skip: it does not come"),
    journal,
  })
  .refine((given) => HOW.filter((how) => given[how] !== undefined).length === 1, `expected exactly one of ${HOW.join(", ")}`)
  .refine((given) => given.timeZone === undefined || given.cron !== undefined || given.rrule !== undefined, {
    path: ["timeZone"],
    error: "expected with cron or rrule alone: seconds are the same everywhere",
  })
  .refine((given) => given.in === undefined || given.missed === "once", {
    path: ["missed"],
    error: "expected skip with a schedule that comes again: one that comes once is due until it is taken away",
  });

const view = z.object({
  name: z.string(),
  signal: z.unknown().describe("pending, due, invalid, or { period }: the last time that it came"),
  spec: z.unknown(),
  next: z.string().nullable().describe("null: it does not come any more"),
  note: z.string(),
  missed: z.enum(["once", "skip"]),
});

const scheduleWrite = loopVerb({
  name: "schedule write",
  summary: "Set a schedule: when it comes the world moves, so whoever waits is woken. It starts nothing by itself.",
  access: "pulse:steer",
  reads: false,
  input: wish,
  output: z.object({ name: z.string(), next: z.string().nullable() }),
  async perform(deps, { caller }, given) {
    const { db, clock } = deps;
    const zone = given.timeZone ?? (await deps.workspaces.current()).workspace.manifest.timeZone;
    const nextMs = await inTransaction(db, async (tx) => {
      const { nowMs, count } = await scheduleTime(tx);
      if (count >= MOST_SCHEDULES) throw new LoopError("input_invalid", `There are ${count} schedules already. Take one away with \`loop _ schedule rm\`.`);
      const spec = specOf(given, { nowMs, zone });
      const next = firstOf(spec, nowMs);
      await putSchedule(tx, { name: given.name, spec, note: given.note, missed: given.missed, setBy: caller.id, nextMs: next, nowMs });
      await append(tx, clock, [{ kind: "schedule.set", actor: caller.id, payload: { name: given.name, spec, note: given.note, missed: given.missed } }]);
      await noteAction(tx, clock, { caller, line: given.journal ?? `write-schedule ${given.name}` });
      return next;
    });
    return { name: given.name, next: nextMs === null ? null : new Date(nextMs).toISOString() };
  },
});

function specOf(given: z.infer<typeof wish>, { nowMs, zone }: { nowMs: number; zone: string }): ScheduleSpec {
  if (given.in !== undefined) return { at: nowMs + given.in * 1_000 };
  if (given.every !== undefined) return { everyS: given.every, anchor: nowMs };
  return given.cron !== undefined ? { cron: given.cron.trim(), timeZone: zone } : { rrule: given.rrule!.trim(), timeZone: zone };
}

/** When it comes first. @throws LoopError input_invalid for what cannot be read, or never comes */
function firstOf(spec: ScheduleSpec, nowMs: number): number {
  let first: number | null;
  try {
    first = soonest(moments, spec, nowMs);
  } catch (cause) {
    const seen = "cron" in spec ? `cron ${JSON.stringify(spec.cron)}` : "rrule" in spec ? `rrule ${JSON.stringify(spec.rrule)}` : "schedule";
    throw new LoopError(
      "input_invalid",
      `The ${seen} cannot be read: ${(cause as Error).message}. Expected five fields of cron such as 0 9 * * 1-5, or a rule such as FREQ=WEEKLY;BYDAY=MO.`,
      { cause },
    );
  }
  if (first !== null) return first;
  throw new LoopError("input_invalid", "The schedule never comes within the next five years. Expected one that does.");
}

const scheduleRemove = loopVerb({
  name: "schedule rm",
  summary: "Take a schedule away.",
  access: "pulse:steer",
  reads: false,
  input: z.strictObject({ name: loopName, journal }),
  output: z.object({ name: z.string() }),
  async perform({ db, clock }, { caller }, { name, journal: line = `drop-schedule ${name}` }) {
    await inTransaction(db, async (tx) => {
      if (!(await dropSchedule(tx, name)))
        throw new LoopError("schedule_unknown", `There is no schedule ${name}. \`loop _ schedule list\` lists those there are.`, { facts: { schedule: name } });
      await append(tx, clock, [{ kind: "schedule.removed", actor: caller.id, payload: { name } }]);
      await noteAction(tx, clock, { caller, line });
    });
    return { name };
  },
});

const scheduleList = loopVerb({
  name: "schedule list",
  summary: "All schedules, by name.",
  access: "read",
  reads: true,
  input: z.strictObject({}),
  output: z.object({ schedules: z.array(view) }),
  async perform({ db }) {
    const rows = await schedules(db);
    return {
      schedules: rows.map((row) => ({
        name: row.name,
        signal: signalOf(row, row.nowMs),
        spec: readSpec(row.spec) ?? row.spec,
        next: row.nextMs === null ? null : new Date(row.nextMs).toISOString(),
        note: row.note,
        missed: row.missed,
      })),
    };
  },
});

export const scheduleVerbs = [scheduleWrite, scheduleRemove, scheduleList] as readonly unknown[] as readonly LoopVerb[];
