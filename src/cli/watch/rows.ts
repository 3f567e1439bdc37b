import { plainLine } from "#src/kernel/plain.ts";
import type { AskShape } from "../client/shapes.ts";
import { type Look, type Tone, toned } from "../render/look.ts";
import { lengthText } from "../render/time.ts";
import { columns, cut, padded } from "../render/width.ts";
import type { Pane } from "./screen-state.ts";
import type { Seen, SensorSeen, WorkerSeen } from "./seen.ts";

/** A row of a pane: a sign with a tone, and parts that stand below each other in columns; the last takes what room is left. */
export interface Row {
  readonly sign: string;
  readonly tone: Tone;
  readonly cells: readonly string[];
}

const HEALTH: Readonly<Record<string, { readonly sign: string; readonly tone: Tone }>> = {
  busy: { sign: ">", tone: "busy" },
  "waiting-ask": { sign: "?", tone: "ask" },
  stuck: { sign: "!", tone: "bad" },
  dead: { sign: "·", tone: "quiet" },
};

export function rowsOf(seen: Seen, pane: Pane, nowMs: number): Row[] {
  if (pane === "asks") return seen.asks.map((ask) => askRow(ask, seen, nowMs));
  if (pane === "workers") return seen.workers.map((worker) => workerRow(worker, nowMs));
  if (pane === "sensors") return seen.sensors.map(sensorRow);
  if (pane === "goals") return seen.goals.map((goal) => ({ sign: "·", tone: "quiet", cells: [plainLine(goal)] }));
  return seen.journal.map((line) => ({ sign: "", tone: "quiet", cells: [plainLine(line.replace(/^- /, ""))] }));
}

function askRow(ask: AskShape, { numbers }: Seen, nowMs: number): Row {
  return {
    sign: "?",
    tone: "ask",
    cells: [askName(ask, numbers), ask.stranded ? "stranded" : ask.kind, since(Date.parse(ask.createdAt), nowMs), plainLine(ask.prompt)],
  };
}

/** What it is called: its alias, the number of its ticket, or nothing. */
export function askName({ alias, ticketId }: AskShape, numbers: ReadonlyMap<string, number>): string {
  const number = ticketId === null ? undefined : numbers.get(ticketId);
  return alias ?? (number === undefined ? "" : `#${number}`);
}

function workerRow({ name, state, health, alive, lastOutputAtMs, startedAtMs, askId }: WorkerSeen, nowMs: number): Row {
  const { sign, tone } = HEALTH[health] ?? HEALTH["dead"]!;
  const idle = alive ? `idle ${since(lastOutputAtMs, nowMs)}` : "";
  const up = alive ? `up ${since(startedAtMs, nowMs)}` : "";
  return { sign, tone, cells: [plainLine(name), health, alive ? "" : plainLine(state), idle, up, askId === null ? "" : `asks ${plainLine(askId)}`] };
}

function sensorRow({ name, signal }: SensorSeen): Row {
  const isFailed = typeof signal === "object" && signal !== null && (signal as { error?: unknown }).error !== undefined;
  return { sign: isFailed ? "!" : "·", tone: isFailed ? "bad" : "quiet", cells: [plainLine(name), plainLine(shortJson(signal))] };
}

/** Without the quotes that nobody reads: `date 2026-03-08, open 3`. */
function shortJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return typeof value === "string" ? value : JSON.stringify(value);
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(shortJson).join(", ");
  return Object.entries(value)
    .map(([name, part]) => `${name} ${typeof part === "object" && part !== null ? `(${shortJson(part)})` : shortJson(part)}`)
    .join(", ");
}

const since = (ms: number, nowMs: number): string => lengthText(Math.max(0, nowMs - ms));

const GAP = 2;

/** Lines of exactly so many columns, one for each row. The first columns are as wide as they must be, the last takes what is left. */
export function rowLines(rows: readonly Row[], { width, chosen, look }: { width: number; chosen: number | undefined; look: Pick<Look, "colour"> }): string[] {
  const counts = Math.max(0, ...rows.map(({ cells }) => cells.length));
  const widths = Array.from({ length: Math.max(0, counts - 1) }, (_, at) =>
    Math.min(MOST_CELL, Math.max(0, ...rows.map(({ cells }) => columns(cells[at] ?? "")))),
  );
  return rows.map(({ sign, tone, cells }, index) => {
    const mark = index === chosen ? ">" : " ";
    const head = cells.slice(0, -1).map((cell, at) => (widths[at] === 0 ? "" : padded(cut(cell, widths[at]!), widths[at]! + GAP)));
    const text = cut(`${head.join("")}${cells.at(-1) ?? ""}`, Math.max(1, width - 4));
    const shown = padded(text, Math.max(0, width - 4));
    return index === chosen ? toned(`${mark} ${padded(sign, 1)} ${shown}`, "strong", look) : `${mark} ${toned(padded(sign, 1), tone, look)} ${shown}`;
  });
}

const MOST_CELL = 24;
