import type { CostGroupShape } from "../client/shapes.ts";
import { type Look, toned } from "./look.ts";
import { spentText, tokensText } from "./money.ts";
import { plain } from "#src/kernel/plain.ts";
import type { Chapter } from "./story.ts";
import { clockText } from "./time.ts";
import { padded, wrapped } from "./width.ts";

const WORD_WIDTH = 11;
/** Of one line of the story; a long message is cut, and --json has it whole. */
const MOST_LINES = 12;

/** The story with the time of day of each chapter. */
export function storyText(chapters: readonly Chapter[], look: Look): string {
  return chapters.map((chapter) => chapterText(chapter, clockText(chapter.at, look.nowMs), look)).join("\n");
}

/** One chapter, beginning with a time or whatever else says when. */
export function chapterText({ word, tone, lines }: Chapter, when: string, look: Look): string {
  const margin = " ".repeat(when.length + 2 + WORD_WIDTH);
  const width = look.width - margin.length;
  const [first = "", ...details] = lines;
  const head = wrapped(plain(first), width);
  const told = details.flatMap((line) => shortened(wrapped(plain(line), width)));
  return [
    `${toned(when, "quiet", look)}  ${toned(padded(word, WORD_WIDTH), tone, look)}${head[0]}`,
    ...head.slice(1).map((line) => margin + line),
    ...told.map((line) => margin + toned(line, "quiet", look)),
  ]
    .map((line) => line.trimEnd())
    .join("\n");
}

const shortened = (lines: readonly string[]): readonly string[] =>
  lines.length <= MOST_LINES ? lines : [...lines.slice(0, MOST_LINES), `… ${lines.length - MOST_LINES} lines more`];

/** What a ticket or run cost, in one line. */
export const costText = (costs: CostGroupShape | null | undefined, look: Look): string => `${toned("cost", "quiet", look)}  ${costWords(costs)}`;

export function costWords(costs: CostGroupShape | null | undefined): string {
  if (!costs || costs.calls + costs.openCalls === 0) return "$0.000: no model was called";
  const calls = costs.calls === 1 ? "1 call" : `${costs.calls} calls`;
  const tokens = `${tokensText(costs.inputTokens)} tokens in, ${tokensText(costs.outputTokens)} out`;
  const list = costs.listNanos !== costs.costNanos && costs.unknownCalls === 0 ? ` · list ${spentText({ costNanos: costs.listNanos, unknownCalls: 0 })}` : "";
  return `${spentText(costs)}${list} · ${calls} · ${tokens}`;
}
