import { plain, plainLine } from "#src/kernel/plain.ts";
import { type Look, toned } from "../render/look.ts";
import { agoText } from "../render/time.ts";
import { cut, padded, wrapped } from "../render/width.ts";
import { questionLines } from "./ask-page.ts";
import { askName } from "./rows.ts";
import { chosenAt, type ScreenState } from "./screen-state.ts";
import type { SensorSeen, WorkerSeen } from "./seen.ts";

/** The chosen row, whole. */
export function detailLines(state: ScreenState, look: Look): string[] {
  const { seen, pane } = state;
  const at = chosenAt(state, pane);
  if (seen === undefined) return [];
  if (pane === "asks") return seen.asks[at] ? questionLines(seen.asks[at], { width: look.width, name: askName(seen.asks[at], seen.numbers), look }) : [];
  if (pane === "workers") return seen.workers[at] ? workerLines(seen.workers[at], look) : [];
  if (pane === "sensors") return seen.sensors[at] ? sensorLines(seen.sensors[at], look) : [];
  const text = pane === "goals" ? goalText(seen.goals[at]) : (seen.journal[at] ?? "");
  return text === "" ? [] : wrapped(plain(text), look.width - 2).map((line) => `  ${line}`);
}

const goalText = (goal: string | undefined): string => (goal === undefined ? "" : `goals/${goal}.md`);

function titled(title: string, fields: readonly (readonly [name: string, value: string])[], look: Look): string[] {
  const lines = fields.flatMap(([name, value]) =>
    value === "" ? [] : wrapped(value, look.width - 14).map((line, index) => `  ${toned(padded(index === 0 ? name : "", 10), "quiet", look)}${line}`),
  );
  return [toned(cut(title, look.width), "strong", look), "", ...lines];
}

function workerLines({ name, state, health, alive, startedAtMs, lastOutputAtMs, askId, verify }: WorkerSeen, look: Look): string[] {
  const ago = (ms: number): string => agoText(new Date(ms).toISOString(), look.nowMs);
  return titled(
    `worker ${plainLine(name)}`,
    [
      ["is", `${health}, ${plainLine(state)}`],
      ["started", ago(startedAtMs)],
      ["said", alive ? ago(lastOutputAtMs) : ""],
      ["asks", plainLine(askId ?? "")],
      ["verify", verify ?? ""],
      ["see", `loop worker log ${plainLine(name)}; loop worker screenshot ${plainLine(name)}`],
    ],
    look,
  );
}

const sensorLines = ({ name, signal, detail }: SensorSeen, look: Look): string[] =>
  titled(
    `sensor ${plainLine(name)}`,
    [
      ["signal", plain(JSON.stringify(signal, null, 1))],
      ["detail", plain(JSON.stringify(detail, null, 1))],
    ],
    look,
  );
