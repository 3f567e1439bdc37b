// What stands in a calendar (ICS) from now on for a day. An appointment that is added, moved, soon to begin or over wakes.
// loop:interval=300
// loop:network=calendar.google.com
// loop:secret=CALENDAR_URL=secret:calendar_url

// The address is a secret, since whoever has it reads the calendar. Of repetitions, DAILY and WEEKLY with INTERVAL, BYDAY, COUNT, UNTIL and EXDATE are
// understood; what repeats otherwise is counted in `detail.notUnderstood` and shows its first appointment only.
const AHEAD_MS = 86_400_000;
const SOON_MS = 15 * 60_000;
const DAY_MS = 86_400_000;
const MOST = 30;
const MOST_REPEATS = 5_000;
const DAYS = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];

interface Line {
  readonly value: string;
  readonly zone: string | undefined;
}
type Entry = ReadonlyMap<string, readonly Line[]>;

/** The wall clock as if it were UTC, so that days can be added; `at` puts it back into its zone. */
interface Moment {
  readonly wallMs: number;
  readonly zone: string;
  readonly isDay: boolean;
}

function entriesOf(text: string): Entry[] {
  const lines = text.replaceAll(/\r?\n[ \t]/g, "").split(/\r?\n/);
  const entries: Map<string, Line[]>[] = [];
  let entry: Map<string, Line[]> | undefined;
  let depth = 0; // alarms lie inside appointments
  for (const line of lines) {
    const [, name = "", parameters = "", value = ""] = /^([\w-]+)((?:;[^:"]*(?:"[^"]*")?[^:"]*)*):(.*)$/.exec(line) ?? [];
    if (name === "BEGIN" && value === "VEVENT") entry = new Map();
    else if (name === "BEGIN") depth += entry ? 1 : 0;
    else if (name === "END" && value === "VEVENT" && entry) {
      entries.push(entry);
      entry = undefined;
      depth = 0;
    } else if (name === "END") depth -= entry ? 1 : 0;
    else if (entry && depth === 0 && name !== "") {
      const zone = /;TZID="?([^;":]+)"?/.exec(parameters)?.[1];
      entry.set(name, [...(entry.get(name) ?? []), { value, zone }]);
    }
  }
  return entries;
}

function momentOf({ value, zone }: Line): Moment | undefined {
  const found = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z)?)?$/.exec(value);
  if (!found) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((part) => Number(part ?? 0)) as [number, number, number, number, number, number];
  return { wallMs: Date.UTC(year, month - 1, day, hour, minute, second), zone: found[7] ? "UTC" : knownZone(zone), isDay: found[4] === undefined };
}

function knownZone(zone: string | undefined): string {
  try {
    return new Intl.DateTimeFormat("en", zone === undefined ? {} : { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return "UTC"; // a zone of a program of its own
  }
}

function offsetMs(zone: string, atMs: number): number {
  const two = "2-digit";
  const format = new Intl.DateTimeFormat("en", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: two,
    day: two,
    hour: two,
    minute: two,
    second: two,
  });
  const part = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(part["year"]!, part["month"]! - 1, part["day"], part["hour"], part["minute"], part["second"]) - Math.floor(atMs / 1_000) * 1_000;
}

const at = ({ wallMs, zone }: Pick<Moment, "wallMs" | "zone">): number => wallMs - offsetMs(zone, wallMs - offsetMs(zone, wallMs));

let notUnderstood = 0;

/** The starts of an appointment up to a moment, on the wall. */
function startsOf(entry: Entry, start: Moment, untilMs: number): number[] {
  const rule = entry.get("RRULE")?.[0]?.value;
  if (rule === undefined) return [start.wallMs];
  const parts = Object.fromEntries(rule.split(";").map((part) => part.split("=") as [string, string]));
  const known = ["FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"];
  const byDay = parts["BYDAY"]?.split(",").map((day) => DAYS.indexOf(day));
  if (!["DAILY", "WEEKLY"].includes(parts["FREQ"]!) || Object.keys(parts).some((name) => !known.includes(name)) || byDay?.includes(-1)) {
    notUnderstood += 1;
    return [start.wallMs];
  }
  const until = parts["UNTIL"] === undefined ? undefined : momentOf({ value: parts["UNTIL"], zone: undefined });
  const lastMs = until === undefined ? untilMs : Math.min(untilMs, until.isDay ? until.wallMs + DAY_MS - 1 : at(until));
  const [interval, count] = [Number(parts["INTERVAL"] ?? 1), Number(parts["COUNT"] ?? Number.POSITIVE_INFINITY)];
  const starts: number[] = [];
  const firstWeek = weekOf(start.wallMs, parts["WKST"]);
  for (let day = 0; starts.length < count && day < MOST_REPEATS * 7; day += 1) {
    const wallMs = start.wallMs + day * DAY_MS;
    if (at({ wallMs, zone: start.zone }) > lastMs) break;
    const isIn = parts["FREQ"] === "DAILY" ? day % interval === 0 : (weekOf(wallMs, parts["WKST"]) - firstWeek) % interval === 0;
    const days = byDay ?? (parts["FREQ"] === "WEEKLY" ? [new Date(start.wallMs).getUTCDay()] : undefined);
    if (isIn && (days === undefined || days.includes(new Date(wallMs).getUTCDay()))) starts.push(wallMs);
  }
  return starts;
}

/** Weeks since 1970, from the day that they begin with; Monday where it is not said. */
const weekOf = (wallMs: number, begins = "MO"): number => Math.floor((Math.floor(wallMs / DAY_MS) + 4 - DAYS.indexOf(begins)) / 7);

const answer = await fetch(process.env["CALENDAR_URL"]!, { signal: AbortSignal.timeout(30_000) });
if (!answer.ok) throw new Error(`the calendar said ${answer.status}`);
const text = await answer.text();
if (!text.includes("BEGIN:VCALENDAR")) throw new Error("the answer is no calendar");

const nowMs = Date.now();
const entries = entriesOf(text);
/** Single appointments of a series that were moved or changed stand for themselves. */
const moved = new Set(
  entries.flatMap((entry) => (entry.get("RECURRENCE-ID") ?? []).map((line) => `${entry.get("UID")?.[0]?.value} ${momentOf(line)?.wallMs}`)),
);
const found = entries.flatMap((entry) => {
  const start = momentOf(entry.get("DTSTART")?.[0] ?? { value: "", zone: undefined });
  if (start === undefined || entry.get("STATUS")?.[0]?.value === "CANCELLED") return [];
  const end = momentOf(entry.get("DTEND")?.[0] ?? { value: "", zone: undefined });
  const lengthMs = end === undefined ? (start.isDay ? DAY_MS : 0) : at(end) - at(start);
  const left = new Set((entry.get("EXDATE") ?? []).flatMap(({ value, zone }) => value.split(",").map((one) => momentOf({ value: one, zone })?.wallMs)));
  const isSeries = entry.has("RRULE");
  const uid = entry.get("UID")?.[0]?.value;
  return startsOf(entry, start, nowMs + AHEAD_MS)
    .filter((wallMs) => !left.has(wallMs) && !(isSeries && moved.has(`${uid} ${wallMs}`)))
    .map((wallMs) => ({ startMs: at({ wallMs, zone: start.zone }), title: entry.get("SUMMARY")?.[0]?.value ?? "", isDay: start.isDay, lengthMs }));
});
const coming = found
  .map((one) => ({ ...one, endMs: one.startMs + one.lengthMs }))
  .filter(({ startMs, endMs }) => startMs < nowMs + AHEAD_MS && (endMs > nowMs || startMs >= nowMs))
  .toSorted((a, b) => a.startMs - b.startMs || (a.title < b.title ? -1 : 1))
  .slice(0, MOST);
const stateOf = ({ startMs, isDay }: { startMs: number; isDay: boolean }): string =>
  isDay ? "day" : startMs <= nowMs ? "now" : startMs - nowMs <= SOON_MS ? "soon" : "later";
const words = (title: string): string =>
  title
    .replaceAll(/\\([,;\\])/g, "$1")
    .replaceAll(/\\n/gi, " ")
    .slice(0, 80);
const signal = coming.map((one) => [new Date(one.startMs).toISOString().slice(0, 16), words(one.title), stateOf(one)]);
console.log(JSON.stringify({ signal, detail: { columns: ["start in UTC", "title", "state"], notUnderstood } }));
