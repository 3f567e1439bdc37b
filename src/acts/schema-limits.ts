import type { Json } from "#src/kernel/canonical-json.ts";

const MOST_BYTES = 262_144;
const DEEPEST = 48;
const MOST_NODES = 20_000;

/** Words whose work grows with the arguments, or that repeat work; a schema without them is checked in time that follows its size. */
const COSTLY = new Set(["pattern", "patternProperties", "$ref", "allOf", "anyOf", "oneOf", "not", "if", "uniqueItems", "contains", "dependentSchemas"]);
/** Words that make a schema mean something elsewhere, or be found from there. */
const NAMING = new Set(["$id", "id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef", "$recursiveAnchor"]);
/** What stands below these are values, not schemas. */
const VALUES = new Set(["enum", "const", "default", "examples", "example"]);
/** What stands below these is named by whoever wrote the schema: a property may be called `$ref`. */
const NAMED = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependentRequired"]);

export type SchemaLook = { readonly kind: "sound"; readonly isCostly: boolean } | { readonly kind: "refused"; readonly why: string };

/** Looks at a schema that a stranger may have written, before anything is made of it. Takes time that follows its size, and never more than the bounds allow. */
export function lookAtSchema(schema: Json): SchemaLook {
  if (schema === null || typeof schema !== "object" || Array.isArray(schema)) return refused("it is no object");
  let nodes = 0;
  let bytes = 0;
  let isCostly = false;
  const rest: { readonly value: Json; readonly depth: number; readonly holds: "schema" | "named" | "values" }[] = [
    { value: schema, depth: 0, holds: "schema" },
  ];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const { value, depth, holds } = next;
    nodes += 1;
    if (typeof value === "string") bytes += value.length;
    if (depth > DEEPEST) return refused(`it is nested more than ${DEEPEST} deep`);
    if (nodes > MOST_NODES || bytes > MOST_BYTES) return refused(`it is larger than ${MOST_NODES} parts or ${MOST_BYTES / 1_024} KB`);
    if (value === null || typeof value !== "object") continue;
    for (const [key, member] of Object.entries(value as Readonly<Record<string, Json | undefined>>)) {
      bytes += key.length;
      if (member === undefined) continue;
      const isWord = holds === "schema" && !Array.isArray(value);
      const problem = isWord ? wordProblem(key, member, depth) : undefined;
      if (problem !== undefined) return refused(problem);
      if (isWord && COSTLY.has(key)) isCostly = true;
      rest.push({ value: member, depth: depth + 1, holds: below(key, { holds, isWord }) });
    }
  }
  return { kind: "sound", isCostly };
}

const refused = (why: string): SchemaLook => ({ kind: "refused", why });

function wordProblem(key: string, member: Json, depth: number): string | undefined {
  if (key === "$ref" && (typeof member !== "string" || !member.startsWith("#"))) return `it refers to ${JSON.stringify(member)?.slice(0, 120)}, outside itself`;
  if (NAMING.has(key) && !(depth === 0 && key === "$id")) return `it has ${key} below its top`;
  return key === "$async" ? "it has $async" : undefined;
}

function below(key: string, { holds, isWord }: { holds: "schema" | "named" | "values"; isWord: boolean }): "schema" | "named" | "values" {
  if (holds === "values") return "values";
  if (!isWord) return "schema"; // a member of `properties`, or an item of `anyOf`
  if (VALUES.has(key)) return "values";
  return NAMED.has(key) ? "named" : "schema";
}
