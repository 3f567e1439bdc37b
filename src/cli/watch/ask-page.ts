import { plain, plainLine } from "#src/kernel/plain.ts";
import type { AskShape } from "../client/shapes.ts";
import { askFields } from "../render/ask-card.ts";
import { type Look, toned } from "../render/look.ts";
import { agoText } from "../render/time.ts";
import { columns, cut, padded, wrapped } from "../render/width.ts";
import { askName } from "./rows.ts";
import type { Mode, ScreenState } from "./screen-state.ts";

export interface AskPage {
  readonly state: ScreenState;
  readonly mode: Extract<Mode, { kind: "ask" }>;
  readonly ask: AskShape;
  readonly size: { readonly columns: number };
  readonly look: Look;
}

const INDENT = "  ";
const MOST_OPTIONS = 9;

/** What is asked, whole: the exact act where it is one. */
export function askLines({ state, ask, size, look }: AskPage): string[] {
  return questionLines(ask, { width: size.columns, name: askName(ask, state.seen?.numbers ?? new Map()), look });
}

export function questionLines(ask: AskShape, { width, name, look }: { width: number; name: string; look: Look }): string[] {
  const head = [name, ask.kind, agoText(ask.createdAt, look.nowMs), ask.stranded ? "whoever asked is gone; it can still be answered" : ""];
  const prompt = wrapped(plain(ask.prompt), width - 4).map((line) => INDENT + line);
  const options = ask.options.length === 0 || ask.kind === "approval" ? [] : [["options", ask.options.map(plainLine).join("\n")] as const];
  const fields = [...askFields(ask, { ...look, width: width - 2 }), ...options];
  return [
    toned(cut(`? ${head.filter((part) => part !== "").join(" · ")}`, width), "ask", look),
    "",
    ...prompt,
    "",
    ...fields.flatMap(([field, value]) =>
      wrapped(value, width - 14).map((line, index) => `${INDENT}${toned(padded(index === 0 ? field : "", 10), "quiet", look)}${line}`),
    ),
  ];
}

/** How it is answered: what is typed, or what may be pressed. `unseen`: lines of the question below the screen. */
export function askFoot({ mode, ask, size, look }: AskPage, unseen: number): string[] {
  const width = size.columns;
  const rule = toned("─".repeat(width), "quiet", look);
  const line = (text: string, tone: "ask" | "strong" | "quiet" = "strong"): string => toned(padded(cut(text, width), width), tone, look);
  if (mode.sending) return [rule, line("  sending…", "quiet")];
  const { typing } = mode;
  if (typing.kind === "verdict") return [rule, line("  a approve   d deny   j k scroll", "ask")];
  if (typing.kind === "approving")
    return [
      rule,
      line(`  Approve exactly this act${unseen > 0 ? `, with ${unseen} lines that you have not seen (PgDn)` : ""}? y yes   any other key: no`, "ask"),
    ];
  if (typing.kind === "denying") return [rule, line("  Deny it. Why? Enter sends, with or without a reason; Esc goes back.", "ask"), typed(typing.text, width)];
  if (typing.kind === "text") return [rule, line("  Your answer; Enter sends it, Esc goes back.", "ask"), typed(typing.text, width)];
  return [
    rule,
    line(`  Pick with 1-${Math.min(MOST_OPTIONS, ask.options.length)} or j k; Enter sends it.`, "ask"),
    ...optionLines(ask.options, { at: typing.at, width, look }),
  ];
}

const SHOWN_OPTIONS = 6;

function optionLines(options: readonly string[], { at, width, look }: { at: number; width: number; look: Look }): string[] {
  const from = Math.min(Math.max(0, at - SHOWN_OPTIONS + 1), Math.max(0, options.length - SHOWN_OPTIONS));
  return options.slice(from, from + SHOWN_OPTIONS).map((option, index) => {
    const number = from + index + 1;
    const text = padded(cut(`  ${from + index === at ? ">" : " "} ${number <= MOST_OPTIONS ? number : " "} ${plainLine(option)}`, width), width);
    return from + index === at ? toned(text, "strong", look) : text;
  });
}

/** The end of what is typed, with a mark where the next letter goes. */
function typed(text: string, width: number): string {
  const room = width - 6;
  let shown = plainLine(text);
  if (text.endsWith(" ")) shown += " ";
  while (columns(shown) > room) shown = shown.slice(shown.codePointAt(0)! > 0xffff ? 2 : 1);
  return padded(`  > ${shown}_`, width);
}
