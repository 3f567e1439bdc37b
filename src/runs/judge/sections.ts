import type { Json } from "#src/kernel/canonical-json.ts";
import type { Trust } from "#src/policy/trust.ts";
import { missingMark, quoted, seenName } from "./quote.ts";
import { whatChanged } from "./what-changed.ts";
import type { JudgeWorld } from "./world.ts";

/** In the order in which they are shown: what changes least comes first, so that a provider finds the beginning of the last prompt again. */
export const SECTIONS = [
  "PLAYBOOK",
  "GOALS",
  "SENSOR READINGS",
  "OPEN ASKS",
  "WORKERS",
  "JOURNAL TAIL",
  "FAIRNESS",
  "WHAT CHANGED",
  "LAST FAILURE",
  "LAST RUN OUTPUT",
  "FLAPPING",
  "NOW",
] as const;
export type SectionName = (typeof SECTIONS)[number];

export interface Section {
  readonly name: SectionName;
  /** Begins with its header. */
  readonly text: string;
  readonly trust: Trust;
}

/** Characters of a section, its header and marks included. With instructions and constitution they stay below 256 K. */
const MOST: Readonly<Record<SectionName, number>> = {
  PLAYBOOK: 17_000,
  GOALS: 88_000,
  "SENSOR READINGS": 56_000,
  "OPEN ASKS": 24_000,
  WORKERS: 12_000,
  "JOURNAL TAIL": 10_000,
  FAIRNESS: 400,
  "WHAT CHANGED": 20_000,
  "LAST FAILURE": 2_500,
  "LAST RUN OUTPUT": 2_500,
  FLAPPING: 2_000,
  NOW: 600,
};

const MOST_PLAYBOOK = 16_000;
const MOST_GOAL = 8_000;
const MOST_READING = 8_000;
const MOST_ASK = 4_000;
const MOST_SMALL = 2_048;
/** A signal that changed so often in a row says little. */
const FLAPPING_STREAK = 5;
/** From this length on a header could not be kept and a line beside it. */
const ROOM_FOR_MARK = 60;

/** The prompt of a decision but for what is always the same. `before`: the sections that the last decision saw. */
export function judgeSections(world: JudgeWorld, before: readonly Pick<Section, "name" | "text">[]): Section[] {
  const made = [...standing(world), ...told(world)];
  const changes = whatChanged(before, made);
  const changed: Section = {
    name: "WHAT CHANGED",
    text: sectionText("WHAT CHANGED", changes),
    trust: before.length === 0 || changes.length === 0 ? "owner" : "tool",
  };
  const at = made.findIndex(({ name }) => name === "LAST FAILURE");
  return made.toSpliced(at, 0, changed);
}

/** What the world is. */
function standing(world: JudgeWorld): Section[] {
  const { playbook, goals, readings, asks, workers, schedules, journal } = world;
  const sections: Section[] = [
    section("PLAYBOOK", "owner", [playbook === null ? "There is no PLAYBOOK.md." : quoted(playbook, MOST_PLAYBOOK)]),
    section(
      "GOALS",
      goals.find(({ trust }) => trust !== "owner")?.trust ?? "owner",
      goals.map(({ id, text }) => `### goal ${seenName(id)}\n${quoted(text, MOST_GOAL)}`),
    ),
    section("SENSOR READINGS", readings.length === 0 ? "owner" : "tool", readings.map(readingText)),
    section("OPEN ASKS", asks.length === 0 ? "owner" : "outside", asks.map(askText)),
    section("WORKERS", workers.length === 0 && schedules.length === 0 ? "owner" : "agent", [
      ...workers.map(({ name, facts }) => `- worker ${seenName(name)}: ${facts}`),
      ...schedules.map(({ name, facts, note }) => `- schedule ${seenName(name)}: ${facts}${note === "" ? "" : `\n${quoted(note, MOST_SMALL)}`}`),
    ]),
    section("JOURNAL TAIL", journal.length === 0 ? "owner" : "learned", [
      journal.length === 0 ? "" : quoted(journal.join("\n"), MOST["JOURNAL TAIL"] - ROOM_FOR_MARK),
    ]),
  ];
  return sections;
}

/** What is to be noticed about it now. */
function told(world: JudgeWorld): Section[] {
  const { lastFailure, runOutput, reason, nowMs, timeZone } = world;
  const small = (name: SectionName, text: string | null): Section =>
    section(name, text === null ? "owner" : "tool", text === null ? [] : [quoted(text, MOST_SMALL)]);
  const flapping = world.readings.filter(({ streak }) => streak >= FLAPPING_STREAK);
  return [
    section("FAIRNESS", "owner", [neglected(world)]),
    small("LAST FAILURE", lastFailure),
    small("LAST RUN OUTPUT", runOutput),
    section(
      "FLAPPING",
      "owner",
      flapping.map(({ sensor, streak }) => `- sensor ${seenName(sensor)} changed ${streak} times in a row`),
    ),
    section("NOW", "owner", [
      `${new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium", timeZone }).format(nowMs)} ${timeZone}\nwoken because: ${reason}`,
    ]),
  ];
}

function readingText({ sensor, signal, detail, failed }: JudgeWorld["readings"][number]): string {
  const shown = (name: string, value: Json): string => `${name}\n${quoted(JSON.stringify(value, null, 1) ?? "null", MOST_READING / 2)}`;
  const isNothing = detail === null || (typeof detail === "object" && Object.keys(detail).length === 0);
  return [`### sensor ${seenName(sensor)}${failed ? " (failed)" : ""}`, shown("signal", signal), ...(isNothing ? [] : [shown("detail", detail)])].join("\n");
}

function askText({ id, worker, prompt, options, openedAtMs, isStranded }: JudgeWorld["asks"][number]): string {
  const head = `### ask ${seenName(id)}${worker === null ? "" : ` of worker ${seenName(worker)}`}, open since ${isoOf(openedAtMs)}${isStranded ? ", its worker is gone" : ""}`;
  const choices = options.length === 0 ? "" : `\noptions\n${quoted(options.join("\n"), MOST_SMALL)}`;
  return `${head}\n${quoted(prompt, MOST_ASK)}${choices}`;
}

/** The goal for which nothing was done for the longest time. */
function neglected({ goals }: JudgeWorld): string {
  const most = goals.toSorted((a, b) => (a.touchedAtMs ?? 0) - (b.touchedAtMs ?? 0) || (a.id < b.id ? -1 : 1))[0];
  if (!most) return "";
  const since = most.touchedAtMs === null ? "nothing was ever done for it" : `nothing was done for it since ${isoOf(most.touchedAtMs)}`;
  return `Most neglected: goal ${seenName(most.id.slice(0, 100))}; ${since}.`;
}

const isoOf = (ms: number): string => new Date(ms).toISOString().slice(0, 16) + "Z";

const section = (name: SectionName, trust: Trust, parts: readonly string[]): Section => ({ name, text: sectionText(name, parts), trust });

/** Whole parts as long as there is room for them and for a line that says how many are missing. */
function sectionText(name: SectionName, parts: readonly string[]): string {
  const shown = parts.filter((part) => part !== "");
  const lines = [`## ${name}`];
  let room = MOST[name] - lines[0]!.length - ROOM_FOR_MARK;
  for (const [index, part] of shown.entries()) {
    if (part.length + 1 > room) {
      lines.push(missingMark(shown.slice(index).join("\n").length));
      break;
    }
    lines.push(part);
    room -= part.length + 1;
  }
  return lines.length === 1 ? `${lines[0]}\nnone` : lines.join("\n");
}

/** The sections of a text that was made of them. Only our own lines stand at the margin, so what begins one there is a header. */
export function sectionsOf(text: string): Pick<Section, "name" | "text">[] {
  const found: { name: SectionName; text: string }[] = [];
  for (const line of text.split("\n")) {
    const name = /^## (.+)$/.exec(line)?.[1];
    if (name !== undefined) found.push({ name: name as SectionName, text: line });
    else if (found.length > 0) found.at(-1)!.text += `\n${line}`;
  }
  return found;
}
