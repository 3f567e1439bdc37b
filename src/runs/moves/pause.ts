const FIRST_MS = 1_000;
const LONGEST_MS = 300_000;

/** Milliseconds before the next try. Doubles with every attempt; the half that varies keeps many runs from coming back at once. */
export function pauseMs(attempt: number): number {
  const fullMs = Math.min(FIRST_MS * 2 ** (attempt - 1), LONGEST_MS);
  return Math.round(fullMs / 2 + (Math.random() * fullMs) / 2);
}
