import type { Json } from "#src/kernel/canonical-json.ts";

type Fields = Readonly<Record<string, Json>>;

/** What the input gives for a schema of the output: values that are the only possible ones. Undefined: the input has no such member, or it is empty. */
export type Unfilled = { readonly member: string };

const isFields = (value: Json | undefined): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The schema of the output for one call. `x-enumFrom: member` becomes an enum of the values of that member of the input; `x-keysFrom: member` makes the keys of
 * an object exactly those of that member, all required. A member is a list, an object (its keys), or a text with commas; of `a|b` the first that is there.
 */
export function outputSchemaFor(schema: Json, input: Fields): { readonly schema: Json } | Unfilled {
  try {
    return { schema: fill(schema, input) };
  } catch (error) {
    if (error instanceof Missing) return { member: error.member };
    throw error;
  }
}

class Missing extends Error {
  readonly member: string;
  constructor(member: string) {
    super(member);
    this.member = member;
  }
}

function fill(schema: Json, input: Fields): Json {
  if (Array.isArray(schema)) return schema.map((item: Json) => fill(item, input));
  if (!isFields(schema)) return schema;
  const filled: Fields = Object.fromEntries(
    Object.entries(schema).flatMap(([key, value]) => (key === "x-enumFrom" || key === "x-keysFrom" ? [] : [[key, fill(value, input)]])),
  );
  const [enumFrom, keysFrom] = [schema["x-enumFrom"], schema["x-keysFrom"]];
  const withEnum = typeof enumFrom === "string" ? { ...filled, enum: namesIn(enumFrom, input) } : filled;
  return typeof keysFrom === "string" ? withKeys(withEnum, namesIn(keysFrom, input)) : withEnum;
}

function withKeys(schema: Fields, keys: readonly string[]): Fields {
  const each = isFields(schema["additionalProperties"]) ? schema["additionalProperties"] : {};
  return { ...schema, type: "object", properties: Object.fromEntries(keys.map((key) => [key, each])), required: [...keys], additionalProperties: false };
}

/** Distinct, in order. @throws Missing */
function namesIn(members: string, input: Fields): string[] {
  const value = members
    .split("|")
    .map((member) => input[member])
    .find((found) => found !== undefined && found !== null);
  const names = [...new Set(listed(value ?? []).filter((name) => name !== ""))];
  if (names.length === 0) throw new Missing(members.split("|")[0]!);
  return names;
}

function listed(value: Json): string[] {
  if (typeof value === "string") return value.split(",").map((part) => part.trim());
  if (Array.isArray(value)) return value.map((item: Json) => (typeof item === "string" ? item : JSON.stringify(item)));
  return isFields(value) ? Object.keys(value) : [];
}
