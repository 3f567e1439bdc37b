import type { Section } from "./sections.ts";

type Shown = Pick<Section, "name" | "text">;

const MOST_LINES = 200;
const LONGEST_LINE = 160;
/** What others said or did; the rest follows from it, or is new each time. */
const COMPARED: ReadonlySet<string> = new Set(["PLAYBOOK", "GOALS", "SENSOR READINGS", "OPEN ASKS", "WORKERS"]);

/**
 * The lines that are there and were not when the last decision looked (`+`), and those that are gone (`-`), section by section, in their order, all
 * behind `> ` since most are the words of others. Counted, not aligned: a line that only moved is no change.
 */
export function whatChanged(before: readonly Shown[], after: readonly Shown[]): string[] {
  if (before.length === 0) return ["This is the first decision: all of it is new."];
  const lines = after
    .filter(({ name }) => COMPARED.has(name))
    .flatMap((section) =>
      changesOf(
        section,
        before.find(({ name }) => name === section.name),
      ),
    );
  if (lines.length <= MOST_LINES) return lines;
  return [...lines.slice(0, MOST_LINES), `[… ${lines.length - MOST_LINES} more lines changed]`];
}

function changesOf(after: Shown, before: Shown | undefined): string[] {
  const [was, is] = [linesOf(before), linesOf(after)];
  const gone = without(was, is).map((line) => `> - ${line}`);
  const come = without(is, was).map((line) => `> + ${line}`);
  return gone.length + come.length === 0 ? [] : [`### in ${after.name}`, ...[...gone, ...come].map(shortened)];
}

/** What is said there, each line with the thing that it is about before it, which may stand far above. */
function linesOf(section: Shown | undefined): string[] {
  let about = "";
  return (section?.text.split("\n").slice(1) ?? []).flatMap((line) => {
    if (line.startsWith("### ")) about = line.slice("### ".length).split(",")[0]!;
    if (line.startsWith("> ")) return [about === "" ? line.slice("> ".length) : `${about}: ${line.slice("> ".length)}`];
    return line.startsWith("- ") ? [line.slice("- ".length)] : [];
  });
}

/** Those of `lines` that are not among `others`, each of which takes one away. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    if (count > 0) left.set(line, count - 1);
    return count === 0;
  });
}

const shortened = (line: string): string => (line.length <= LONGEST_LINE ? line : `${line.slice(0, LONGEST_LINE - 1).toWellFormed()}…`);
