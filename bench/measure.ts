import { createHash } from "node:crypto";
import { bootstrapInterval, median, quantile, spreadOf, summaryOf } from "./statistics.ts";

/** Milliseconds of one sample, or a rate: whatever both sides of a comparison give. */
export type Sample = () => Promise<number>;

export interface Goal {
  readonly at: "most" | "least";
  readonly value: number;
}

export type Verdict = "met" | "missed" | "refused" | "no reference" | "shown" | "broken";

export interface Line {
  readonly name: string;
  readonly ours: string;
  readonly reference: string;
  readonly ratio: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly goal: string;
  readonly verdict: Verdict;
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

/** After so long no further try is begun, however loaded the machine is: `--short` must come to an end. */
export const patience = { ms: Number.POSITIVE_INFINITY };

/**
 * Ours and the reference in turn (ABBA), the value is the median of the per-round ratios; met when the bad end of the 95 % interval meets the goal. Where the reference itself
 * varies by more than a quarter the machine is too loaded: tried three times, then refused with the last figures.
 */
export async function compare(comparison: Comparison): Promise<Line> {
  const startMs = performance.now();
  for (let attempt = 1; ; attempt += 1) {
    const { ours, reference } = await rounds(comparison);
    const isLoaded = spreadOf(reference) > MOST_SPREAD;
    if (!isLoaded || isLast(attempt, startMs)) return lineOf(comparison, { ours, reference, refused: isLoaded });
  }
}

const isLast = (attempt: number, startMs: number): boolean => attempt === TRIES || performance.now() - startMs > patience.ms;

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
  return {
    name,
    ours: `${figure(median(ours))} ${unit}`,
    reference: `${figure(median(reference))} ${unit}`,
    ratio: median(ratios),
    low,
    high,
    goal: goalText(goal, "×"),
    verdict: refused ? "refused" : isMet(goal, { low, high }) ? "met" : "missed",
    more: { rounds: ours.length, oursMin: Math.min(...ours), oursMax: Math.max(...ours), referenceSpread: spreadOf(reference) },
  };
}

const isMet = (goal: Goal, { low, high }: { low: number; high: number }): boolean => (goal.at === "most" ? high <= goal.value : low >= goal.value);

const goalText = (goal: Goal, unit: string): string => `${goal.at === "most" ? "≤" : "≥"} ${goal.value} ${unit}`;

export interface Bound {
  readonly unit: string;
  readonly goal: Goal;
  readonly more?: Line["more"];
}

/** A line for what has no reference but a bound of its own. With an interval its bad end must meet the goal. */
export function bounded(name: string, { value, unit, goal, low, high, more = {} }: Bound & { value: number; low?: number; high?: number }): Line {
  const verdict = isMet(goal, { low: low ?? value, high: high ?? value }) ? "met" : "missed";
  return {
    name,
    ours: `${figure(value)} ${unit}`,
    reference: "–",
    ratio: null,
    low: low ?? null,
    high: high ?? null,
    goal: goalText(goal, unit),
    verdict,
    more,
  };
}

/** A quantile of many samples against a bound, with its own interval. */
export function boundedQuantile(name: string, { samples, q, ...bound }: Bound & { samples: readonly number[]; q: number }): Line {
  const interval = bootstrapInterval(samples, (sample) => quantile(sample, q));
  return bounded(name, { ...bound, ...interval, value: quantile(samples, q), more: { ...summaryOf(samples), ...bound.more } });
}

/** The median of the rounds against a bound. */
export const boundedMedian = (name: string, bound: Bound & { samples: readonly number[] }): Line => boundedQuantile(name, { ...bound, q: 0.5 });

/** A figure without a goal. */
export function shown(name: string, { value, unit, more = {} }: { value: number; unit: string; more?: Line["more"] }): Line {
  return { name, ours: `${figure(value)} ${unit}`, reference: "–", ratio: null, low: null, high: null, goal: "–", verdict: "shown", more };
}

/** What there is nothing to compare with here, and why. */
export function withoutReference(name: string, { goal, why }: { goal: Goal; why: string }): Line {
  return { name, ours: "–", reference: "–", ratio: null, low: null, high: null, goal: goalText(goal, "×"), verdict: "no reference", more: { why } };
}

/** A benchmark that could not be carried out. */
export function broken(name: string, error: unknown): Line {
  const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { name, ours: "–", reference: "–", ratio: null, low: null, high: null, goal: "–", verdict: "broken", more: { why } };
}

const PROBES = 9;

/**
 * For lines that are compared with nothing: an equal piece of work is timed before and after them, and where that varies by more than a quarter the machine
 * is too loaded. Tried three times, then refused with the last figures.
 */
export async function steadily(probe: Sample, measure: () => Promise<Line[]>): Promise<Line[]> {
  const startMs = performance.now();
  await probe(); // warm
  for (let attempt = 1; ; attempt += 1) {
    const before = await several(probe);
    const lines = await measure();
    const probes = [...before, ...(await several(probe))];
    const probeSpread = spreadOf(probes);
    const isLoaded = probeSpread > MOST_SPREAD;
    const told = lines.map((line) => ({ ...line, more: { ...line.more, probeMs: median(probes), probeSpread } }));
    if (!isLoaded) return told;
    if (isLast(attempt, startMs)) return told.map((line) => (line.verdict === "met" || line.verdict === "missed" ? { ...line, verdict: "refused" } : line));
  }
}

async function several(probe: Sample): Promise<number[]> {
  const seen: number[] = [];
  while (seen.length < PROBES) seen.push(await probe());
  return seen;
}

const SPINS = 4_000;

/** A few milliseconds of nothing but the processor. */
export function processorProbe(): Promise<number> {
  const startMs = performance.now();
  for (let turn = 0; turn < SPINS; turn += 1) createHash("sha256").update("a line of forty characters, more or less").digest();
  return Promise.resolve(performance.now() - startMs);
}

export function print(line: Line): string {
  const ratio = line.ratio === null ? "" : figure(line.ratio);
  const interval = line.low === null ? "" : `[${figure(line.low)}, ${figure(line.high!)}]`;
  const cells = [
    line.name.padEnd(32),
    line.ours.padStart(16),
    line.reference.padStart(14),
    `${ratio} ${interval}`.trim().padStart(24),
    line.goal.padStart(16),
    line.verdict,
  ];
  return line.verdict === "broken" || line.verdict === "no reference" ? `${cells.join("  ")}: ${String(line.more["why"]).split("\n")[0]}` : cells.join("  ");
}

function figure(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value.toPrecision(3);
}
