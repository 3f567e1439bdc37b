import type { Json } from "#src/kernel/canonical-json.ts";

const ALLOWED = new Set(
  ["type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs", "$schema", "description", "title"].concat([
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
  ]),
);

/**
 * Whether OpenAI's strict mode takes this schema: every object closed, every member required, and only words that it knows.
 * A schema that is not sent as strict is followed too, but not enforced. Source: platform.openai.com/docs/guides/structured-outputs
 */
export function fitsStrictMode(schema: Json): boolean {
  return isMembers(schema) && schema["type"] === "object" && fits(schema);
}

type Members = { readonly [key: string]: Json | undefined };
const isMembers = (value: Json | undefined): value is Members => typeof value === "object" && value !== null && !Array.isArray(value);

function fits(schema: Json | undefined): boolean {
  if (!isMembers(schema) || !Object.keys(schema).every((word) => ALLOWED.has(word))) return false;
  const { properties, items, anyOf, $defs } = schema;
  if (schema["type"] === "object" && !isClosed(schema)) return false;
  const inside = [...membersOf(properties), ...membersOf($defs), ...(Array.isArray(anyOf) ? (anyOf as readonly Json[]) : [])];
  return inside.every(fits) && (items === undefined || fits(items));
}

function isClosed({ properties, required, additionalProperties }: Members): boolean {
  const needed = new Set(Array.isArray(required) ? (required as readonly Json[]) : []);
  return additionalProperties === false && isMembers(properties) && Object.keys(properties).every((name) => needed.has(name));
}

const membersOf = (value: Json | undefined) => (isMembers(value) ? Object.values(value) : []);
