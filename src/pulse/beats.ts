/** A moment at which a schedule says that something is to begin. */
export interface Beat {
  readonly atMs: number;
  /** The same however often and whenever it is looked at. */
  readonly id: string;
}

export interface Schedule {
  /** Five fields of cron, or an RRULE. */
  readonly at: string;
  readonly timeZone: string;
}

/** The moments of a schedule after this one, soonest first; `count` at most. */
export type Moments = (schedule: Schedule, after: { readonly fromMs: number; readonly count: number }) => readonly number[];

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Some schedules cost a search of years for each moment. */
const PAGE = 20;
const MOST_PAGES = 60;
/** No zone turns its clocks twice within this. */
const AROUND_MS = 3 * HOUR_MS;
/** Clocks that were turned longer ago than this are not looked for: a schedule by the hour has had other beats since. */
const LOOK_BACK_MS = 40 * DAY_MS;

/**
 * The beats of a schedule after one moment and up to another, soonest first. Where clocks are turned, a fixed hour of cron that comes twice is one beat, the first,
 * and one that is left out is a beat at the moment at which the clocks are turned; what runs each hour runs each hour that there is. A rule (RFC 5545) leaves out
 * what is left out, and does not repeat.
 */
export function beatsBetween(moments: Moments, schedule: Schedule, { afterMs, untilMs }: { afterMs: number; untilMs: number }): Beat[] {
  const { timeZone } = schedule;
  const plain = walk(moments, schedule, { afterMs, untilMs });
  if (!hasFixedHour(schedule.at)) return eachOnce(plain.map((atMs) => ({ atMs, id: `${minuteOf(atMs)}Z` })));
  const wall = (atMs: number): Beat => ({ atMs, id: `${minuteOf(atMs + offsetMs(timeZone, atMs))}[${timeZone}]` });
  const once = plain.filter((atMs) => !isSecondPass(timeZone, atMs) && !isShifted(moments, schedule, atMs)).map(wall);
  return [...once, ...leftOut(moments, schedule, { afterMs, untilMs })].toSorted((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1));
}

/** No more than one a minute. */
const eachOnce = (beats: readonly Beat[]): Beat[] => beats.filter(({ id }, index) => id !== beats[index - 1]?.id);

const hasFixedHour = (at: string): boolean => !at.includes("FREQ=") && !at.trim().split(/\s+/)[1]!.includes("*");

const minuteOf = (ms: number): string => new Date(ms).toISOString().slice(0, 16);

function walk(moments: Moments, schedule: Schedule, { afterMs, untilMs }: { afterMs: number; untilMs: number }): number[] {
  const found: number[] = [];
  let fromMs = afterMs;
  for (let page = 0; ; page += 1) {
    if (page === MOST_PAGES) fromMs = Math.max(fromMs, untilMs - DAY_MS); // so many that only the last ones can matter
    const count = page === 0 ? 1 : PAGE;
    const next = moments(schedule, { fromMs, count });
    found.push(...next.filter((ms) => ms <= untilMs));
    if (next.length < count || next.at(-1)! > untilMs) return found;
    fromMs = next.at(-1)!;
  }
}

/** The clock showed the same an hour or so before. */
function isSecondPass(timeZone: string, atMs: number): boolean {
  const offset = offsetMs(timeZone, atMs);
  const turnedBackMs = offsetMs(timeZone, atMs - AROUND_MS) - offset;
  return turnedBackMs > 0 && offsetMs(timeZone, atMs - turnedBackMs) - turnedBackMs === offset;
}

/** A time that the clock left out, as whoever counts on from before puts it: at the same distance behind the turn. */
function isShifted(moments: Moments, { at, timeZone }: Schedule, atMs: number): boolean {
  const offset = offsetMs(timeZone, atMs);
  if (offsetMs(timeZone, atMs - AROUND_MS) >= offset) return false;
  return moments({ at, timeZone: "UTC" }, { fromMs: atMs + offset - 1, count: 1 })[0] !== atMs + offset;
}

/** Beats at times that the clock did not show, since it was turned forward. */
function leftOut(moments: Moments, { at, timeZone }: Schedule, { afterMs, untilMs }: { afterMs: number; untilMs: number }): Beat[] {
  const beats: Beat[] = [];
  for (let ms = Math.max(afterMs, untilMs - LOOK_BACK_MS); ms < untilMs; ms += AROUND_MS) {
    const endMs = Math.min(ms + AROUND_MS, untilMs);
    const [before, after] = [offsetMs(timeZone, ms), offsetMs(timeZone, endMs)];
    if (after <= before) continue;
    const atMs = turnBetween(timeZone, ms, endMs);
    const unseen = walk(moments, { at, timeZone: "UTC" }, { afterMs: atMs + before - 1, untilMs: atMs + after - 1 });
    beats.push(...unseen.map((wallMs) => ({ atMs, id: `${minuteOf(wallMs)}[${timeZone}]` })));
  }
  return beats;
}

/** The first moment with the new offset. */
function turnBetween(timeZone: string, beforeMs: number, afterMs: number): number {
  let [low, high] = [beforeMs, afterMs];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetMs(timeZone, middle) === offsetMs(timeZone, beforeMs)) low = middle;
    else high = middle;
  }
  return high;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** How far the clocks of a zone are ahead of UTC. */
function offsetMs(timeZone: string, atMs: number): number {
  let format = formats.get(timeZone);
  if (!format) {
    const two = "2-digit";
    format = new Intl.DateTimeFormat("en-US", { timeZone, hourCycle: "h23", year: "numeric", month: two, day: two, hour: two, minute: two, second: two });
    formats.set(timeZone, format);
  }
  const part = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
  const wall = Date.UTC(part["year"]!, part["month"]! - 1, part["day"], part["hour"], part["minute"], part["second"]);
  return Math.round((wall - atMs) / MINUTE_MS) * MINUTE_MS;
}
