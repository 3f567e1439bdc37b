import { plainLine } from "#src/kernel/plain.ts";
import type { MemoryShape, MemoryStoryShape } from "../client/memory-shapes.ts";
import { type Look, toned } from "./look.ts";
import { wrapped } from "./width.ts";

/** What agents remember, each with its scope, trust and source. */
export function memoryListText(memories: readonly MemoryShape[], look: Look): string {
  if (memories.length === 0)
    return "Nothing is remembered here. Agents that have memory.remember among their tools keep decisions, facts, preferences and lessons.";
  return memories.map((memory) => cardOf(memory, look)).join("\n\n");
}

const INDENT = "  ";

function cardOf(memory: MemoryShape, look: Look): string {
  const { id, kind, about, text, scope, agent, untrusted, state, source } = memory;
  const head = [
    toned(kind, "calm", look),
    ...(about === null ? [] : [toned(plainLine(about), "strong", look)]),
    ...(state === "questioned" ? [toned("questioned", "busy", look)] : []),
  ];
  const quiet = `${id} · ${placeOf(scope)} · ${agent} · ${untrusted ? "untrusted" : "trusted"} · from ${source.run}`;
  const lines = (said: string): string[] => wrapped(plainLine(said), look.width - INDENT.length).map((line) => INDENT + line);
  return [head.join("  "), ...lines(text), ...lines(quiet).map((line) => toned(line, "quiet", look))].join("\n");
}

const placeOf = ({ kind, of }: MemoryShape["scope"]): string => (of === "" ? kind : `${kind} ${of}`);

/** Why a memory is there: source, trust, who was told it, until when. */
export function memoryStoryText(story: MemoryStoryShape, look: Look): string {
  const { source, taint, untrusted, told, askId, against, state, rememberedAt, expiresAt, personId } = story;
  const rows: readonly (readonly [string, string])[] = [
    [
      "remembered",
      `${rememberedAt} by ${story.agent} in ${source.run}${source.ticket === null ? "" : `, ticket ${source.ticket}`}${personId === null ? "" : `, for ${personId}`}`,
    ],
    ["trust", `${untrusted ? "untrusted: a stranger may have had a word in it" : "trusted"}; its run had read: ${taint.join(", ") || "nothing"}`],
    ["stays until", expiresAt],
    ...(state === "questioned" ? [["questioned", `it contradicts ${against.join(", ")}; ${askId ?? "an ask"} asks which should stand`] as const] : []),
    ...(state === "kept" && against.length > 0 ? [["in place of", against.join(", ")] as const] : []),
    ["told to", told.length === 0 ? "nobody yet" : told.map(({ run, agent, at }) => `${agent} in ${run}, ${at}`).join("; ")],
  ];
  const lines = rows.flatMap(([name, value]) => wrapped(plainLine(`${name}: ${value}`), look.width - INDENT.length).map((line) => INDENT + line));
  return [cardOf(story, look), "", ...lines].join("\n");
}
