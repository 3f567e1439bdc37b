import type { Attributes, Measure } from "#src/acts/ports/telemetry-port.ts";

export interface HistogramPoint {
  readonly attributes: Attributes;
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
  readonly sum: number;
  readonly bounds: readonly number[];
  /** One more than bounds: the last is for what lies beyond. */
  readonly counts: readonly number[];
}

export interface Histogram {
  readonly name: string;
  readonly unit: string;
  readonly points: readonly HistogramPoint[];
}

/** Powers of four for tokens, of two for seconds: the bounds that the conventions for generative AI advise. */
const BOUNDS: Readonly<Record<string, readonly number[]>> = {
  "{token}": [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576],
  s: [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
};

/** Values of the same name and attributes together, as they fell. */
export function histogramsOf(measures: readonly Measure[]): Histogram[] {
  const byName = Map.groupBy(measures, ({ name }) => name);
  return [...byName].map(([name, same]) => {
    const { unit } = same[0]!;
    const points = Map.groupBy(same, ({ attributes }) => JSON.stringify(attributes))
      .values()
      .map((group) => pointOf(group, BOUNDS[unit] ?? []))
      .toArray();
    return { name, unit, points };
  });
}

function pointOf(group: readonly Measure[], bounds: readonly number[]): HistogramPoint {
  const counts = Array.from({ length: bounds.length + 1 }, () => 0);
  for (const { value } of group) {
    const place = bounds.findIndex((bound) => value <= bound);
    counts[place < 0 ? bounds.length : place]! += 1;
  }
  const times = group.map(({ atMs }) => atMs);
  const sum = group.reduce((total, { value }) => total + value, 0);
  return { attributes: group[0]!.attributes, fromMs: Math.min(...times) - 1, toMs: Math.max(...times), count: group.length, sum, bounds, counts };
}
