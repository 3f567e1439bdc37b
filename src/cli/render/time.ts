const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ["d", DAY_MS],
  ["h", HOUR_MS],
  ["min", MINUTE_MS],
  ["s", 1_000],
];

/** A length of time in its largest unit, rounded down: "3 min", "2 h", "0 s". */
export function lengthText(ms: number): string {
  const [unit, size] = UNITS.find(([, unitMs]) => Math.abs(ms) >= unitMs) ?? UNITS.at(-1)!;
  return `${Math.floor(Math.abs(ms) / size)} ${unit}`;
}

/** The same for what is to come, which may be a deadline: hours with their minutes, days with their hours. */
function aheadText(ms: number): string {
  const [rest, unit] = ms >= DAY_MS ? [ms % DAY_MS, HOUR_MS] : [ms % HOUR_MS, MINUTE_MS];
  return ms < HOUR_MS || rest < unit ? lengthText(ms) : `${lengthText(ms)} ${lengthText(rest)}`;
}

/** A moment (ISO 8601) seen from now: "3 min ago", "in 8 min", "in 1 h 59 min", "now". */
export function agoText(iso: string, nowMs: number): string {
  const apartMs = nowMs - Date.parse(iso);
  if (Math.abs(apartMs) < 1_000) return "now";
  return apartMs > 0 ? `${lengthText(apartMs)} ago` : `in ${aheadText(-apartMs)}`;
}

/** The time of day of this machine, as 20:41:03; with the day where it is another one than now. */
export function clockText(iso: string, nowMs: number): string {
  const at = new Date(Date.parse(iso));
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(twoDigits).join(":");
  return dayOf(at) === dayOf(new Date(nowMs)) ? time : `${dayOf(at)} ${time}`;
}

const twoDigits = (value: number): string => String(value).padStart(2, "0");
const dayOf = (at: Date): string => `${at.getFullYear()}-${twoDigits(at.getMonth() + 1)}-${twoDigits(at.getDate())}`;

/** Seconds with one decimal, for what has just been measured: "1.2 s". */
export const tookText = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
