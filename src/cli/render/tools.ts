import type { ToolDefinitionShape, ToolShape } from "../client/shapes.ts";
import type { Look } from "./look.ts";
import { plain, plainLine } from "#src/kernel/plain.ts";
import { tableText } from "./table.ts";

const power = ({ outbound, private: isPrivate }: ToolShape): string =>
  [outbound ? "outbound" : "", isPrivate ? "private" : ""].filter((word) => word !== "").join(", ") || "-";

/** A table of the tools, and under it why some are off. */
export function toolsText(tools: readonly ToolShape[], look: Look): string {
  if (tools.length === 0) return "There are none.";
  const table = [
    { head: "tool", cell: ({ name }: ToolShape) => plainLine(name) },
    { head: "server", cell: ({ server }: ToolShape) => server ?? "built in" },
    { head: "effect", cell: ({ effect }: ToolShape) => effect ?? "-" },
    { head: "risk", cell: ({ risk }: ToolShape) => risk ?? "-" },
    { head: "carries", cell: power },
    { head: "state", cell: ({ state, sandbox }: ToolShape) => (sandbox === "off" ? `${state}, no sandbox` : state) },
    { head: "agents", cell: ({ agents }: ToolShape) => agents.join(", ") || "nobody", least: 8 },
  ];
  const off = tools.filter(({ why }) => why !== null).map(({ name, why }) => `${plainLine(name)}: ${plainLine(why ?? "")}`);
  return [tableText(tools, table, look), ...(off.length === 0 ? [] : ["", ...off])].join("\n");
}

/** Both definitions line by line: what is gone with -, what is new with +. Nothing in them is hidden. */
export function definitionText({ name, approved, now }: ToolDefinitionShape): string {
  if (now === null) return `The server has ${plainLine(name)} no more.`;
  const lines = (definition: unknown): string[] => JSON.stringify(definition, sorted, 2).split("\n").map(plain);
  const [before, after] = [approved === null ? [] : lines(approved.definition), lines(now.definition)];
  if (approved?.digest === now.digest) return [`${plainLine(name)} is approved as it is, ${now.digest}.`, ...after].join("\n");
  const kept = commonLines(before, after);
  const head =
    approved === null ? `${plainLine(name)} is new: nobody has approved it.` : `${plainLine(name)} changed since it was approved (- approved, + now).`;
  return [head, ...merged({ before, after, kept }), "", `loop tools approve ${plainLine(name)} --digest ${now.digest}`].join("\n");
}

/** Members in one order, so that a change of order is no change. */
function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const MOST_LINES = 2_000;

/** Pairs of places with the same line, as many as there are in order; beyond 2,000 lines none are looked for. */
function commonLines(before: readonly string[], after: readonly string[]): (readonly [number, number])[] {
  if (before.length > MOST_LINES || after.length > MOST_LINES) return [];
  const lengths = Array.from({ length: before.length + 1 }, () => new Uint16Array(after.length + 1));
  for (let a = before.length - 1; a >= 0; a -= 1)
    for (let b = after.length - 1; b >= 0; b -= 1)
      lengths[a]![b] = before[a] === after[b] ? lengths[a + 1]![b + 1]! + 1 : Math.max(lengths[a + 1]![b]!, lengths[a]![b + 1]!);
  const pairs: (readonly [number, number])[] = [];
  for (let a = 0, b = 0; a < before.length && b < after.length;) {
    if (before[a] === after[b]) pairs.push([a++, b++]);
    else if (lengths[a + 1]![b]! >= lengths[a]![b + 1]!) a += 1;
    else b += 1;
  }
  return pairs;
}

interface Versions {
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly kept: readonly (readonly [number, number])[];
}

function merged({ before, after, kept }: Versions): string[] {
  const shown: string[] = [];
  let [a, b] = [0, 0];
  for (const [nextA, nextB] of [...kept, [before.length, after.length] as const]) {
    shown.push(...before.slice(a, nextA).map((line) => `- ${line}`), ...after.slice(b, nextB).map((line) => `+ ${line}`));
    if (nextA < before.length) shown.push(`  ${before[nextA]!}`);
    [a, b] = [nextA + 1, nextB + 1];
  }
  return shown;
}
