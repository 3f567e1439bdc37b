/** The middle value; of an even number the mean of the two. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** By linear interpolation between the two nearest ranks. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * q;
  const low = sorted[Math.floor(place)]!;
  const high = sorted[Math.ceil(place)]!;
  return low + (high - low) * (place - Math.floor(place));
}

/** How far the middle half lies apart, as a share of the median. */
export function spreadOf(values: readonly number[]): number {
  return (quantile(values, 0.75) - quantile(values, 0.25)) / median(values);
}

export interface Summary {
  readonly n: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export function summaryOf(values: readonly number[]): Summary {
  return {
    n: values.length,
    p50: median(values),
    p95: quantile(values, 0.95),
    p99: quantile(values, 0.99),
    max: values.reduce((most, value) => Math.max(most, value), 0),
  };
}

const RESAMPLES = 2_000;

/** The 95 % bootstrap interval of a statistic, the median unless another is given. */
export function bootstrapInterval(values: readonly number[], statistic: (sample: readonly number[]) => number = median): { low: number; high: number } {
  const seen = Array.from({ length: RESAMPLES }, () => statistic(Array.from(values, () => values[Math.floor(Math.random() * values.length)]!)));
  return { low: quantile(seen, 0.025), high: quantile(seen, 0.975) };
}
