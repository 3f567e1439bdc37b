import { bootstrapInterval, median, quantile } from "./statistics.ts";

/** Milliseconds of one sample. */
export type Sample = () => Promise<number>;

export interface Goal {
  readonly at: "most" | "least";
  readonly value: number;
}

export interface Line {
  readonly name: string;
  readonly ours: string;
  readonly reference: string;
  readonly ratio: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly goal: string;
  readonly verdict: "met" | "missed" | "refused" | "no reference" | "shown";
  readonly more: Readonly<Record<string, number | string>>;
}

export interface Comparison {
  readonly name: string;
  /** Both give the same unit; the ratio is ours ÷ reference. */
  readonly ours: Sample;
  readonly reference: Sample;
  readonly unit: string;
  readonly goal: Goal;
  readonly rounds: number;
}

const MOST_SPREAD = 0.25;
const TRIES = 3;

/**
 * Ours and the reference in turn (ABBA), the value is the median of the per-round ratios; met when the bad end of the 95 % interval meets the goal. Where the reference itself
 * varies by more than a quarter the machine is too loaded: tried three times, then refused with the last figures.
 */
export async function compare(comparison: Comparison): Promise<Line> {
  for (let attempt = 1; ; attempt += 1) {
    const { ours, reference } = await rounds(comparison);
    const spread = (quantile(reference, 0.75) - quantile(reference, 0.25)) / median(reference);
    if (spread <= MOST_SPREAD || attempt === TRIES) return lineOf(comparison, { ours, reference, refused: spread > MOST_SPREAD });
  }
}

async function rounds({ ours: a, reference: b, rounds: count }: Comparison): Promise<{ ours: number[]; reference: number[] }> {
  const ours: number[] = [];
  const reference: number[] = [];
  await a();
  await b(); // warm
  for (let round = 0; round < count; round += 1) {
    if (round % 2 === 0) {
      ours.push(await a());
      reference.push(await b());
    } else {
      reference.push(await b());
      ours.push(await a());
    }
  }
  return { ours, reference };
}

function lineOf({ name, goal, unit }: Comparison, { ours, reference, refused }: { ours: number[]; reference: number[]; refused: boolean }): Line {
  const ratios = ours.map((value, index) => value / reference[index]!);
  const { low, high } = bootstrapInterval(ratios);
  const met = goal.at === "most" ? high <= goal.value : low >= goal.value;
  return {
    name,
    ours: `${figure(median(ours))} ${unit}`,
    reference: `${figure(median(reference))} ${unit}`,
    ratio: median(ratios),
    low,
    high,
    goal: `${goal.at === "most" ? "≤" : "≥"} ${goal.value} ×`,
    verdict: refused ? "refused" : met ? "met" : "missed",
    more: { rounds: ours.length, oursMin: Math.min(...ours), oursMax: Math.max(...ours) },
  };
}

/** A line for what has no reference but a bound of its own. */
export function bounded(name: string, { value, unit, goal, more = {} }: { value: number; unit: string; goal: Goal; more?: Line["more"] }): Line {
  const met = goal.at === "most" ? value <= goal.value : value >= goal.value;
  return { name, ours: `${figure(value)} ${unit}`, reference: "–", ratio: null, low: null, high: null, goal: `${goal.at === "most" ? "≤" : "≥"} ${goal.value} ${unit}`, verdict: met ? "met" : "missed", more };
}

export function print(line: Line): string {
  const ratio = line.ratio === null ? "" : `${figure(line.ratio)} [${figure(line.low!)}, ${figure(line.high!)}]`;
  return [line.name.padEnd(28), line.ours.padStart(14), line.reference.padStart(14), ratio.padStart(24), line.goal.padStart(12), line.verdict].join("  ");
}

const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value.toPrecision(3));
