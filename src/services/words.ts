import type { Json } from "#src/kernel/canonical-json.ts";
import type { Said } from "#src/runs/create.ts";
import type { Service } from "#src/workspace/model.ts";
import type { ServiceInput } from "./body.ts";

/** The layers of what an agent is told besides the business, which its instructions hold: the item, the session, what is for this agent, and the rest. */
const LAYERS = ["item", "session", "agent"] as const;

/** What came in, in words: the last message, then each layer under its name. */
export function textOf(service: Service, input: ServiceInput): string {
  const { rest, messages } = input;
  const placed = new Set(LAYERS.flatMap((layer) => service.context[layer]));
  const layers = LAYERS.map((layer) => block(layer, pick(rest, service.context[layer])));
  const own = block(
    "input",
    pick(
      rest,
      Object.keys(rest).filter((key) => !placed.has(key)),
    ),
  );
  return [messages.at(-1)?.text ?? "", own, ...layers].filter((part) => part !== "").join("\n\n") || "(nothing)";
}

function pick(rest: ServiceInput["rest"], keys: readonly string[]): Readonly<Record<string, Json>> {
  return Object.fromEntries(keys.flatMap((key) => (Object.hasOwn(rest, key) ? [[key, rest[key]!]] : [])));
}

const block = (name: string, value: Readonly<Record<string, Json>>): string =>
  Object.keys(value).length === 0 ? "" : `<${name}>\n${JSON.stringify(value, null, 1)}\n</${name}>`;

/** Messages before the last, where the caller keeps the conversation itself. */
export function historyOf(input: ServiceInput, source: string): (Said & { readonly role: "person" | "agent" })[] {
  return input.messages
    .slice(0, -1)
    .map(({ role, text }) => ({ text, source, trust: "outside", role: role === "user" || role === "person" ? "person" : "agent" }));
}
