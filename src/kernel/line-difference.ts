/** More lines than this on one side, and the whole is shown as replaced: the comparison grows with their product. */
const MOST_LINES = 4_000;

/** The lines of two texts as one list, `  ` before what both have, `- ` before what only the first has, `+ ` before what only the second has. */
export function lineDifference(before: string, after: string): string[] {
  const [old, now] = [linesOf(before), linesOf(after)];
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < old.length - head && tail < now.length - head && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1;
  const middle = between(old.slice(head, old.length - tail), now.slice(head, now.length - tail));
  return [...same(old.slice(0, head)), ...middle, ...same(old.slice(old.length - tail))];
}

/** The same without what is further than `around` lines from a change; `…` stands for what was left out. Empty: nothing differs. */
export function shortDifference(before: string, after: string, around = 3): string[] {
  const lines = lineDifference(before, after);
  const isNear = (at: number): boolean => lines.slice(Math.max(0, at - around), at + around + 1).some((line) => !line.startsWith("  "));
  const kept = lines.map((line, at) => (isNear(at) ? line : "…"));
  const shown = kept.filter((line, at) => line !== "…" || kept[at - 1] !== "…");
  return shown.every((line) => line === "…") ? [] : shown;
}

const linesOf = (text: string): string[] => (text === "" ? [] : text.replace(/\n$/, "").split("\n"));
const same = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
const gone = (lines: readonly string[]): string[] => lines.map((line) => `- ${line}`);
const come = (lines: readonly string[]): string[] => lines.map((line) => `+ ${line}`);

/** By the longest list of lines that both have in this order. */
function between(old: readonly string[], now: readonly string[]): string[] {
  if (old.length > MOST_LINES || now.length > MOST_LINES) return [...gone(old), ...come(now)];
  const width = now.length + 1;
  const common = new Uint16Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      common[i * width + j] = old[i] === now[j] ? common[(i + 1) * width + j + 1]! + 1 : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
    }
  }
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      lines.push(`  ${old[i++]}`);
      j += 1;
    } else if (j >= now.length || (i < old.length && common[(i + 1) * width + j]! >= common[i * width + j + 1]!)) lines.push(`- ${old[i++]}`);
    else lines.push(`+ ${now[j++]}`);
  }
  return lines;
}
