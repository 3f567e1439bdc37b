import { isDeepStrictEqual } from "node:util";
import { canonicalJson, type Json } from "#src/kernel/canonical-json.ts";

/**
 * wider: somebody may do more, is asked less or is watched less. narrower: the other way. same: neither.
 * What cannot be told is wider: a plan may not call a gain harmless.
 */
export type Effect = "wider" | "narrower" | "same";

/** What is said of one subject, without it: "gains github.issues.write". */
export type Said = readonly [effect: Effect, words: string];

export interface PowerChange {
  readonly effect: Effect;
  readonly file: string;
  /** The whole sentence. */
  readonly words: string;
}

export type MemberRules<T> = { readonly [K in keyof T]?: (before: T[K], after: T[K]) => readonly Said[] };

/** Goes through the members that differ. A member that no rule knows is taken to be power, and its change to be a gain. */
export function compareMembers<T extends object>(rules: MemberRules<T>, before: T, after: T): Said[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])] as (keyof T)[];
  return names.flatMap((name) => {
    if (isDeepStrictEqual(before[name], after[name])) return [];
    const rule = rules[name];
    return rule ? [...rule(before[name], after[name])] : [["wider", `has ${changed(String(name), before[name], after[name])}`] as const];
  });
}

export const neutral = (what: string) => (): Said[] => [["same", `has another ${what}`]];

/** For members whose changes are said elsewhere. */
export const elsewhere = (): Said[] => [];

export const wider = (words: string): Said => ["wider", words];
export const narrower = (words: string): Said => ["narrower", words];

/** A limit: undefined is none. `words` goes on after the subject: "may think for 40 turns". */
export const limitOf =
  (words: (amount: number) => string, without: string) =>
  (before: number | undefined, after: number | undefined): Said[] => {
    if (after === undefined) return [wider(`${without}, ${pastOf(words(before!))}`)];
    if (before === undefined) return [narrower(words(after))];
    return [[after > before ? "wider" : "narrower", `${words(after)}, ${pastOf(words(before))}`]];
  };

const pastOf = (words: string): string => `was: ${words}`;

export interface Moved {
  readonly gained: readonly string[];
  readonly lost: readonly string[];
}

export const moved = (before: readonly string[] = [], after: readonly string[] = []): Moved => ({
  gained: after.filter((one) => !before.includes(one)),
  lost: before.filter((one) => !after.includes(one)),
});

/** A list of which every entry is power. */
export const listOf =
  (gain: string, loss: string) =>
  (before: readonly string[] | undefined, after: readonly string[] | undefined): Said[] => {
    const { gained, lost } = moved(before, after);
    if (gained.length + lost.length === 0) return [["same", `has its list in another order: ${named(after ?? [])}`]];
    return [...(gained.length > 0 ? [wider(`${gain} ${named(gained)}`)] : []), ...(lost.length > 0 ? [narrower(`${loss} ${named(lost)}`)] : [])];
  };

/** `a, b and c`. */
export const named = (names: readonly string[], last = "and"): string =>
  names.length < 2 ? (names[0] ?? "none") : `${names.slice(0, -1).join(", ")} ${last} ${names.at(-1)!}`;

const SHOWN_CHARACTERS = 120;

export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = typeof value === "string" ? value : canonicalJson(value as Json);
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}

export const changed = (what: string, before: unknown, after: unknown): string => `${what} ${shown(after)}, was ${shown(before)}`;

const amounts = new Intl.NumberFormat("en-US", { maximumFractionDigits: 6 });

export const dollars = (usd: number): string => `$${amounts.format(usd)}`;

const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
] as const;

export function lengthOf(ms: number): string {
  const [unit, size] = UNITS.find(([, one]) => ms >= one && ms % one === 0) ?? ["millisecond", 1];
  const count = ms / size;
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
