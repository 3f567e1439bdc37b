import type { ListedTool } from "#src/acts/ports/tool-pins.ts";
import { canonicalJson, digestOf, type Json, sha256 } from "#src/kernel/canonical-json.ts";
import { storableJson } from "#src/kernel/storable-json.ts";
import { visible, visibleSchema } from "./visible.ts";

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$/;
const LONGEST_DESCRIPTION = 4_000;
const LARGEST_DEFINITION = 524_288;

/** A tool as its server describes it: every part, so that a change of one character is a change. */
export function listedTool(described: Readonly<Record<string, unknown>> & { readonly name: string }): ListedTool {
  const definition = storableJson(described as Json);
  return { tool: described.name, digest: digestOfDefinition(described as Json, definition), definition: bounded(definition) };
}

/** Over what the server said, before anything that cannot be stored was taken out of it. */
function digestOfDefinition(described: Json, storable: Json): string {
  try {
    return digestOf(described);
  } catch {
    return sha256(`${canonicalJson(storable)} ${JSON.stringify(described)}`); // a lone surrogate has no canonical form
  }
}

function bounded(definition: Json): Json {
  const bytes = Buffer.byteLength(JSON.stringify(definition));
  return bytes <= LARGEST_DEFINITION ? definition : { name: (definition as { name: string }).name.slice(0, 100), tooLarge: bytes };
}

export type Offer =
  | { readonly kind: "usable"; readonly description: string; readonly schema: Json }
  /** After "it is off: ". */
  | { readonly kind: "unusable"; readonly why: string };

/** What a model may be told of a tool, with nothing hidden in it. `problem` says whether arguments can be checked by a schema. */
export function offerOf(definition: Json, problem: (schema: Json) => string | null): Offer {
  const { name, description, title, inputSchema, tooLarge } = definition as {
    name: string;
    description?: Json;
    title?: Json;
    inputSchema?: Json;
    tooLarge?: number;
  };
  if (tooLarge !== undefined) return { kind: "unusable", why: `its definition has ${tooLarge} bytes, and ${LARGEST_DEFINITION} is the most` };
  if (!NAME.test(name))
    return { kind: "unusable", why: `its name ${JSON.stringify(visible(name, 80))} cannot be used: expected letters, digits, _, - and . only` };
  const schema = visibleSchema(inputSchema ?? null);
  if (schema === undefined) return { kind: "unusable", why: "its schema has hidden characters in a name or a value, or is nested too deep" };
  const wrong = problem(schema);
  if (wrong !== null) return { kind: "unusable", why: wrong };
  const words = [title, description].find((text): text is string => typeof text === "string" && text !== "") ?? "";
  return { kind: "usable", description: visible(typeof description === "string" && description !== "" ? description : words, LONGEST_DESCRIPTION), schema };
}
