/** Models that failed in this act, and when each may be asked again; null: never. */
export type Failures = readonly { readonly model: string; readonly reason: string; readonly retryAtMs: number | null }[];

/** The best model that has not failed; when all have, the one whose time has come. Undefined when the tier names none. */
export function chooseModel(candidates: readonly string[], failures: Failures, nowMs: number): string | undefined {
  const fresh = candidates.find((model) => !failures.some((failure) => failure.model === model));
  if (fresh !== undefined) return fresh;
  const due = failures.filter((failure) => failure.retryAtMs !== null && failure.retryAtMs <= nowMs && candidates.includes(failure.model));
  return candidates.find((model) => due.some((failure) => failure.model === model)) ?? candidates[0];
}
