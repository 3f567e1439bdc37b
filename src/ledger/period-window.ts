/** Milliseconds since 1970: from `startMs` on, up to but without `endMs`. */
export interface PeriodWindow {
  readonly startMs: number;
  readonly endMs: number;
}

const HOUR_MS = 3_600_000;
const WIDEST_OFFSET_MS = 26 * HOUR_MS; // zones reach from -12 to +14 hours, and a date once vanished in Samoa
const windows = new Map<string, PeriodWindow>();
const formats = new Map<string, Intl.DateTimeFormat>();

/** The calendar day or month that the moment lies in, by the clocks of the named zone (IANA, such as Asia/Taipei). Days of 23 and 25 hours are what they are. */
export function periodWindow(period: "day" | "month", timeZone: string, atMs: number): PeriodWindow {
  const key = `${period} ${timeZone}`;
  const known = windows.get(key);
  if (known && known.startMs <= atMs && atMs < known.endMs) return known;
  const date = localDate(timeZone, atMs);
  const first = period === "day" ? date : { ...date, day: 1 };
  const next = period === "day" ? { ...first, day: first.day + 1 } : { ...first, month: first.month + 1 };
  const window = { startMs: firstMomentOf(timeZone, first), endMs: firstMomentOf(timeZone, next) };
  windows.set(key, window);
  return window;
}

interface LocalDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** Midnight as if the date were in UTC: a number that orders dates, and lets day 32 and month 13 be written. */
const ordinal = ({ year, month, day }: LocalDate): number => Date.UTC(year, month - 1, day);

function localDate(timeZone: string, atMs: number): LocalDate {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US-u-ca-gregory-nu-latn", { timeZone, year: "numeric", month: "numeric", day: "numeric" });
    formats.set(timeZone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
  return { year: parts["year"]!, month: parts["month"]!, day: parts["day"]! };
}

/** Searched for, not computed from an offset: where clocks change at midnight the day begins at one, and some dates do not exist. */
function firstMomentOf(timeZone: string, date: LocalDate): number {
  const wanted = ordinal(date);
  let before = wanted - WIDEST_OFFSET_MS;
  let after = wanted + WIDEST_OFFSET_MS;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (ordinal(localDate(timeZone, middle)) >= wanted) after = middle;
    else before = middle;
  }
  return after;
}
