import assert from "node:assert/strict";
import { test } from "node:test";
import { createQueue } from "#src/database/queue.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { beatsBetween } from "./beats.ts";

const { moments } = createQueue({ db: undefined as never, url: "postgres://nobody@127.0.0.1:1/none", log: silentLog, supervises: false });
const ms = (text: string): number => Date.parse(`2026-${text}Z`);
const LOOK_MS = 30 * 60_000;

/** What is found by a look each half hour, and by one look at the end. */
function beats(at: string, timeZone: string, [from, until]: readonly [string, string]): string[] {
  const schedule = { at, timeZone };
  const [afterMs, untilMs] = [ms(from), ms(until)];
  const each = Array.from({ length: (untilMs - afterMs) / LOOK_MS }, (_, look) => afterMs + look * LOOK_MS).flatMap((lookMs) =>
    beatsBetween(moments, schedule, { afterMs: lookMs, untilMs: lookMs + LOOK_MS }),
  );
  assert.deepEqual(beatsBetween(moments, schedule, { afterMs, untilMs }), each);
  assert.equal(new Set(each.map(({ id }) => id)).size, each.length, "no beat has the name of another");
  return each.map(({ atMs, id }) => `${new Date(atMs).toISOString().slice(5, 16)} ${id.slice(5)}`);
}

const LISBON_SPRING = ["03-28T12:00", "03-30T12:00"] as const; // at 01:00 it is 02:00
const LISBON_AUTUMN = ["10-24T12:00", "10-26T12:00"] as const; // at 02:00 it is 01:00 again
const NEW_YORK_SPRING = ["03-07T12:00", "03-09T12:00"] as const; // at 02:00 it is 03:00
const NEW_YORK_AUTUMN = ["10-31T12:00", "11-02T12:00"] as const; // at 02:00 it is 01:00 again

test("a time that the clock leaves out in spring is a beat when the clock is turned, once", () => {
  assert.deepEqual(beats("30 1 * * *", "Europe/Lisbon", LISBON_SPRING), ["03-29T01:00 03-29T01:30[Europe/Lisbon]", "03-30T00:30 03-30T01:30[Europe/Lisbon]"]);
  assert.deepEqual(beats("0,30 2 * * *", "America/New_York", NEW_YORK_SPRING), [
    "03-08T07:00 03-08T02:00[America/New_York]",
    "03-08T07:00 03-08T02:30[America/New_York]",
    "03-09T06:00 03-09T02:00[America/New_York]",
    "03-09T06:30 03-09T02:30[America/New_York]",
  ]);
  assert.deepEqual(beats("0 3 * * *", "America/New_York", NEW_YORK_SPRING), [
    "03-08T07:00 03-08T03:00[America/New_York]",
    "03-09T07:00 03-09T03:00[America/New_York]",
  ]);
});

test("a time that comes twice in autumn is a beat the first time, and what comes after it is as ever", () => {
  assert.deepEqual(beats("30 1 * * *", "Europe/Lisbon", LISBON_AUTUMN), ["10-25T00:30 10-25T01:30[Europe/Lisbon]", "10-26T01:30 10-26T01:30[Europe/Lisbon]"]);
  assert.deepEqual(beats("0,59 1,2 * * *", "America/New_York", NEW_YORK_AUTUMN).slice(0, 4), [
    "11-01T05:00 11-01T01:00[America/New_York]",
    "11-01T05:59 11-01T01:59[America/New_York]",
    "11-01T07:00 11-01T02:00[America/New_York]",
    "11-01T07:59 11-01T02:59[America/New_York]",
  ]);
});

test("what runs each hour runs in each hour that there is, whichever way the clock is turned", () => {
  for (const [zone, ...spans] of [
    ["Europe/Lisbon", LISBON_SPRING, LISBON_AUTUMN],
    ["America/New_York", NEW_YORK_SPRING, NEW_YORK_AUTUMN],
  ] as const)
    for (const span of spans) {
      assert.equal(beats("15 * * * *", zone, span).length, 48);
      assert.equal(beats("*/20 */1 * * *", zone, span).length, 144);
    }
});

test("a rule leaves out what is left out and does not repeat, and a zone without summer time has nothing to leave out", () => {
  const rule = (hour: number): string => `FREQ=DAILY;BYHOUR=${hour};BYMINUTE=30`;
  assert.deepEqual(beats(rule(2), "America/New_York", NEW_YORK_SPRING), ["03-09T06:30 03-09T06:30Z"]);
  assert.deepEqual(beats(rule(1), "America/New_York", NEW_YORK_AUTUMN), ["11-01T05:30 11-01T05:30Z", "11-02T06:30 11-02T06:30Z"]);
  assert.deepEqual(beats("30 1 * * *", "Asia/Tokyo", LISBON_SPRING), ["03-28T16:30 03-29T01:30[Asia/Tokyo]", "03-29T16:30 03-30T01:30[Asia/Tokyo]"]);
});

test("however long nobody looked and however seldom it comes, the last beat is found", () => {
  const last = (at: string, from: string, until: string) =>
    beatsBetween(moments, { at, timeZone: "UTC" }, { afterMs: Date.parse(from), untilMs: Date.parse(until) }).at(-1);
  assert.deepEqual(last("* * * * *", "2025-01-01T00:00Z", "2026-05-05T10:00:30Z"), { atMs: ms("05-05T10:00"), id: "2026-05-05T10:00Z" });
  assert.deepEqual(last("0 0 29 2 *", "2021-01-01T00:00Z", "2026-05-05T10:00Z"), { atMs: Date.parse("2024-02-29T00:00Z"), id: "2024-02-29T00:00[UTC]" });
});
