const LONGEST = 64;

/** The known name that a mistyped one most likely meant: at most a third of its letters apart, letter case apart. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const typed = name.slice(0, LONGEST).toLowerCase();
  let best: string | undefined;
  let least = Math.max(1, Math.floor(typed.length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - typed.length) >= least) continue;
    const apart = distance(typed, candidate.slice(0, LONGEST).toLowerCase());
    if (apart < least) [best, least] = [candidate, apart];
  }
  return best;
}

export function didYouMean(name: string, known: Iterable<string>): { hint?: string } {
  const meant = nearest(name, known);
  return meant === undefined ? {} : { hint: `Did you mean ${meant}?` };
}

/** Letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
export function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(replaced, row[j]! + 1, next[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1);
      next.push(least);
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}
