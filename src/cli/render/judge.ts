import { plainLine } from "#src/kernel/plain.ts";
import type { JudgeShape } from "../client/workspace-shapes.ts";
import { type Look, statusWord } from "./look.ts";
import { agoText, clockText } from "./time.ts";

/** Who decides, what was decided last, and what comes next. */
export function judgeWords({ where, last, next }: JudgeShape, look: Look): string {
  const before = last
    ? [
        `last decision ${agoText(last.endedAt ?? last.at, look.nowMs)}: ${statusWord(last.state, look)}${last.reason === null ? "" : `, woken by: ${plainLine(last.reason)}`} (${last.run})`,
      ]
    : [];
  if (!next) return [`${where}: whoever works by \`loop _\` decides`, ...before].join("; ");
  const until = next.until === null ? "" : ` until ${clockText(next.until, look.nowMs)}`;
  const words = next.kind === "wait" ? `waits${until}: ${plainLine(next.why)}` : `next: ${plainLine(next.why)}`;
  return [where, ...before, words].join("; ");
}

/** Why a decision was begun, and what had moved; of other runs nothing. */
export function wokenWords(brief: unknown): readonly [string, string][] {
  const { judge } = (brief ?? {}) as { judge?: { reason?: string; changed?: readonly string[] } };
  if (!judge?.reason) return [];
  const changed = (judge.changed ?? []).map(plainLine);
  const shown = changed.length > SHOWN ? `${changed.slice(0, SHOWN).join(", ")} and ${changed.length - SHOWN} more` : changed.join(", ");
  return [["woken by", `${plainLine(judge.reason)}${shown === "" ? "" : `; changed: ${shown}`}`]];
}

const SHOWN = 8;
