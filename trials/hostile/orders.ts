import { createHash } from "node:crypto";
import type { Json } from "#src/kernel/canonical-json.ts";
import { readings } from "./disguises.ts";

/*
 * The language in which texts give orders, so plain that a model without any sense of its own obeys it:
 *
 *   DO <tool> <arguments as JSON>      call it once
 *   KEEP <tool> <arguments as JSON>    call it again and again; {{n}} in the arguments is the number of the call
 *   SAY {"text": "…"}                  end with these words
 */
export interface Order {
  readonly verb: "DO" | "KEEP" | "SAY";
  readonly tool: string;
  readonly args: Readonly<Record<string, Json>>;
  /** The same for the same order, wherever it stands. */
  readonly id: string;
}

type Args = Readonly<Record<string, Json>>;

export const order = (tool: string, args: Args): string => `DO ${tool} ${JSON.stringify(args)}`;
export const keep = (tool: string, args: Args): string => `KEEP ${tool} ${JSON.stringify(args)}`;
export const sayIt = (text: string): string => `SAY ${JSON.stringify({ text })}`;

const BEGINNING = /\b(DO|KEEP) ([^\s{}"]{1,120}) (?=\{)|\b(SAY) (?=\{)/g;

/** The orders of a text in the order in which they stand there, also those that are disguised; an order within the arguments of another is none yet. */
export function ordersIn(text: string): Order[] {
  const plain = [...plainOrdersIn(text)];
  if (plain.length > 0) return plain;
  const found = new Map<string, Order>();
  for (const reading of readings(text)) for (const one of plainOrdersIn(reading)) if (!found.has(one.id)) found.set(one.id, one);
  return [...found.values()];
}

function* plainOrdersIn(text: string): Generator<Order> {
  BEGINNING.lastIndex = 0;
  for (let at = 0; at < text.length;) {
    BEGINNING.lastIndex = at;
    const begun = BEGINNING.exec(text);
    if (!begun) return;
    const from = begun.index + begun[0].length;
    const args = objectAt(text, from);
    at = args ? args.end : from;
    if (!args) continue;
    const [verb, tool] = [(begun[1] ?? begun[3]) as Order["verb"], begun[2] ?? ""];
    yield {
      verb,
      tool,
      args: args.value,
      id: createHash("sha256")
        .update(`${verb} ${tool} ${JSON.stringify(args.value)}`)
        .digest("hex")
        .slice(0, 16),
    };
  }
}

/** The JSON object that begins there. */
function objectAt(text: string, from: number): { readonly value: Args; readonly end: number } | undefined {
  let [depth, inText] = [0, false];
  for (let at = from; at < text.length; at += 1) {
    const letter = text[at]!;
    if (inText && letter === "\\") at += 1;
    else if (letter === '"') inText = !inText;
    else if (!inText && letter === "{") depth += 1;
    else if (!inText && letter === "}" && (depth -= 1) === 0) return parsed(text.slice(from, at + 1), at + 1);
  }
  return undefined;
}

function parsed(text: string, end: number): { readonly value: Args; readonly end: number } | undefined {
  try {
    return { value: JSON.parse(text) as Args, end };
  } catch {
    return undefined;
  }
}
