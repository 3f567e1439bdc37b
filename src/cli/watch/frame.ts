import { plainLine } from "#src/kernel/plain.ts";
import { type Look, toned } from "../render/look.ts";
import { lengthText } from "../render/time.ts";
import { columns, cut, padded, wrapped } from "../render/width.ts";
import { askLines, askFoot } from "./ask-page.ts";
import { detailLines } from "./detail-page.ts";
import { rowLines, rowsOf } from "./rows.ts";
import { chosenAt, openAsk, type Pane, PANES, type ScreenState } from "./screen-state.ts";
import type { Seen } from "./seen.ts";

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const LEAST: Size = { columns: 40, rows: 12 };
const LEAST_DETAIL = 4;
/** From here on two columns. */
const WIDE = 120;

const EMPTY: Readonly<Record<Pane, string>> = {
  asks: "nothing needs you",
  workers: "none; whoever decides starts them",
  sensors: "none has run yet",
  goals: "none",
  journal: "nothing was done yet",
};

/** The whole screen: exactly so many lines of exactly so many columns. Pure. */
export function frame(state: ScreenState, size: Size, look: Look): string[] {
  const { columns: width, rows } = size;
  if (width < LEAST.columns || rows < LEAST.rows)
    return filled(wrapped(`This terminal is too small: ${width} by ${rows}. It takes ${LEAST.columns} by ${LEAST.rows}; q quits.`, width), size);
  const inner = { columns: width, rows: rows - 2 };
  return [headLine(state, width, look), ...filled(bodyOf(state, inner, look), inner), footLine(state, width, look)];
}

function bodyOf(state: ScreenState, size: Size, look: Look): string[] {
  const { mode, seen } = state;
  if (mode.kind === "help") return HELP.map((line) => `  ${line}`);
  if (seen === undefined) return ["", `  ${state.lost ?? "Looking…"}`];
  if (mode.kind === "ask") {
    const ask = openAsk(state, mode.askId);
    return ask ? askPage({ state, mode, size, look, ask }) : [];
  }
  if (mode.kind === "detail") return scrolledTo(detailLines(state, { ...look, width: size.columns }), { top: mode.top, rows: size.rows });
  return size.columns >= WIDE ? twoColumns(state, seen, { size, look }) : oneColumn(state, seen, { size, look });
}

/** Where rows are left over, the chosen one stands there whole. */
function oneColumn(state: ScreenState, seen: Seen, { size, look }: Area): string[] {
  const panes = stacked(state, seen, { size, look, panes: PANES });
  const rows = size.rows - panes.length - 1;
  const shown = detailLines(state, { ...look, width: size.columns });
  if (rows < LEAST_DETAIL || shown.length === 0) return panes;
  return [...panes, toned("─".repeat(size.columns), "quiet", look), ...scrolledTo(shown, { top: 0, rows, how: "Enter" })];
}

type AskPage = Parameters<typeof askLines>[0] & { readonly size: Size };

/** The question scrolls; what it asks of you stays at the bottom. */
function askPage(page: AskPage): string[] {
  const lines = askLines(page);
  const rows = Math.max(1, page.size.rows - askFoot(page, 0).length);
  const foot = askFoot(page, Math.max(0, lines.length - (lines.length <= rows ? rows : page.mode.top + rows - 1)));
  return [...filled(scrolledTo(lines, { top: page.mode.top, rows }), { ...page.size, rows }), ...foot];
}

/** Where the rest is by another key, `how` says so. */
function scrolledTo(lines: readonly string[], { top, rows, how = "PgDn" }: { top: number; rows: number; how?: string }): string[] {
  if (lines.length <= rows) return [...lines];
  const from = Math.min(top, lines.length - rows + 1);
  const below = lines.length - from - (rows - 1);
  return [...lines.slice(from, from + rows - 1), below > 0 ? `  … ${below} more ${below === 1 ? "line" : "lines"}: ${how}` : "  (end)"];
}

interface Area {
  readonly size: Size;
  readonly look: Look;
}

/** Left what wants something, right what is known; below the left the chosen row, whole. */
function twoColumns(state: ScreenState, seen: Seen, { size, look }: Area): string[] {
  const left = Math.floor((size.columns - 3) * 0.55);
  const right = size.columns - 3 - left;
  const shown = detailLines(state, { ...look, width: left });
  const rowsLeft = Math.min(size.rows, Math.max(Math.ceil(size.rows / 2), size.rows - shown.length - 1));
  const leftSize = { columns: left, rows: rowsLeft };
  const upper = filled(stacked(state, seen, { size: leftSize, look, panes: ["asks", "workers"] }), leftSize);
  const lower = { columns: left, rows: shown.length === 0 ? 0 : size.rows - rowsLeft };
  const rule = toned("─".repeat(left), "quiet", look);
  const leftLines =
    lower.rows < 2 ? upper : [...upper, rule, ...filled(scrolledTo(shown, { top: 0, rows: lower.rows - 1, how: "Enter" }), { ...lower, rows: lower.rows - 1 })];
  const rightSize = { columns: right, rows: size.rows };
  const rightLines = filled(stacked(state, seen, { size: rightSize, look, panes: ["sensors", "goals", "journal"] }), rightSize);
  const full = filled(leftLines, { columns: left, rows: size.rows });
  return full.map((line, index) => `${line} ${toned("│", "quiet", look)} ${rightLines[index]!}`);
}

/** Panes below each other; each gets one row at least, the rest goes to who needs it, the chosen one first. */
function stacked(state: ScreenState, seen: Seen, { size, look, panes }: Area & { readonly panes: readonly Pane[] }): string[] {
  const rows = panes.map((pane) => rowsOf(seen, pane, look.nowMs));
  const isRoomy = size.rows >= rows.reduce((sum, { length }) => sum + Math.max(1, length) + 2, 2 * LEAST_DETAIL);
  const given = shares(
    rows.map(({ length }) => Math.max(1, length)),
    { rows: size.rows - panes.length, first: panes.indexOf(state.pane) },
  );
  return panes.flatMap((pane, index) => [
    ...(isRoomy && index > 0 ? [""] : []),
    ...paneLines(state, { pane, rows: rows[index]!, height: given[index]!, width: size.columns, look }),
  ]);
}

/** So many rows for each, in turn one more to each that needs more. */
function shares(needs: readonly number[], { rows, first }: { rows: number; first: number }): number[] {
  const given = needs.map(() => 1);
  let left = rows - needs.length;
  const order = [...needs.keys()].toSorted((a, b) => Number(b === first) - Number(a === first));
  while (left > 0 && needs.some((need, index) => need > given[index]!)) {
    for (const index of order) {
      if (left === 0 || needs[index]! <= given[index]!) continue;
      given[index]! += 1;
      left -= 1;
    }
  }
  return given;
}

interface PaneArea {
  readonly pane: Pane;
  readonly rows: ReturnType<typeof rowsOf>;
  readonly height: number;
  readonly width: number;
  readonly look: Look;
}

function paneLines(state: ScreenState, { pane, rows, height, width, look }: PaneArea): string[] {
  const isHere = state.pane === pane;
  const at = chosenAt(state, pane);
  const from = isHere ? Math.min(Math.max(0, at - height + 1), Math.max(0, rows.length - height)) : 0;
  const hidden = rows.length - height;
  const count = rows.length === 0 ? "" : hidden > 0 ? ` ${rows.length}, ${from + 1}-${from + height} shown` : ` ${rows.length}`;
  const title = `${pane.toUpperCase()}${count}`;
  const head = toned(
    padded(cut(`${isHere ? "▌" : " "}${title} `, width), width),
    pane === "asks" && rows.length > 0 ? "ask" : isHere ? "strong" : "quiet",
    look,
  );
  if (rows.length === 0) return [head, toned(padded(cut(`    ${EMPTY[pane]}`, width), width), "quiet", look)];
  const lines = rowLines(rows.slice(from, from + height), { width, chosen: isHere ? at - from : undefined, look });
  return [head, ...lines];
}

function headLine({ seen, lost }: ScreenState, width: number, look: Look): string {
  const name = `loop · ${seen === undefined ? "…" : plainLine(seen.workspace)}`;
  const needs = seen === undefined ? "" : needsOf(seen);
  const link = lost !== undefined ? "DISCONNECTED" : seen?.pulse === "down" ? "pulse down" : seen === undefined ? "" : "live";
  const tone = lost !== undefined || seen?.pulse === "down" ? "bad" : "good";
  const room = Math.max(0, width - columns(link) - 2);
  const left = padded(cut(needs === "" ? name : `${name} · ${needs}`, room), room);
  return `${toned(left, "strong", look)}  ${toned(link, tone, look)}`;
}

function needsOf({ asks, waiting }: Seen): string {
  const questions = asks.length === 0 ? "nothing needs you" : `${asks.length} ${asks.length === 1 ? "question" : "questions"} for you`;
  return waiting === 0 ? questions : `${questions} · ${waiting} changed ${waiting === 1 ? "file waits" : "files wait"}: loop plan`;
}

function footLine(state: ScreenState, width: number, look: Look): string {
  const { notice, lost, mode } = state;
  if (notice) return toned(padded(cut(notice.text, width), width), notice.tone, look);
  if (lost !== undefined) {
    const age = state.seen === undefined ? "" : ` Shown as it was ${lengthText(look.nowMs - state.seenAtMs)} ago.`;
    return toned(padded(cut(`The server is away; trying again.${age} ${lost}`, width), width), "bad", look);
  }
  return toned(padded(cut(KEYS[mode.kind], width), width), "quiet", look);
}

const KEYS: Readonly<Record<ScreenState["mode"]["kind"], string>> = {
  browse: "j k move   Tab pane   Enter open   ? help   q quit",
  help: "any key goes back   q quit",
  detail: "j k scroll   Esc back   q quit",
  ask: "PgUp PgDn scroll   Esc back",
};

const HELP = [
  "",
  "j k, arrows      move; g G: first, last",
  "Tab, h l, 1-5    another pane: asks, workers, sensors, goals, journal",
  "Enter            open the row; an ask is answered there",
  "Esc              back, without answering",
  "q                quit; nothing that runs is stopped",
  "",
  "In an ask",
  "  1-9, j k Enter pick one of the options",
  "  text, Enter    answer in words",
  "  a, then y      approve exactly the act that is shown",
  "  d, Enter       deny it, with a reason if you type one",
  "",
  "You answer as yourself, as with `loop answer`. Silence never approves.",
];

/** Cut or filled up to the size. Lines with colour codes are taken to fit. */
function filled(lines: readonly string[], { columns: width, rows }: Size): string[] {
  return Array.from({ length: rows }, (_, index) => {
    const line = lines[index] ?? "";
    return padded(line.includes("\x1b") ? line : cut(line, width), width);
  });
}
