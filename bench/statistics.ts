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

const RESAMPLES = 2_000;

/** The 95 % bootstrap interval of the median. */
export function bootstrapInterval(values: readonly number[]): { low: number; high: number } {
  const medians = Array.from({ length: RESAMPLES }, () => median(Array.from(values, () => values[Math.floor(Math.random() * values.length)]!)));
  return { low: quantile(medians, 0.025), high: quantile(medians, 0.975) };
}
