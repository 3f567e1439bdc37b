import type { Json } from "#src/kernel/canonical-json.ts";

/**
 * Characters that nobody sees, or that turn the order of others round: controls but line feed and tab, formats, halves of pairs, private ones, tags, fillers,
 * breaks of lines that are none, variations.
 */
const HIDDEN = new RegExp([String.raw`(?![\n\t])\p{Cc}|\p{Cf}|\p{Cs}|\p{Co}|\p{Zl}|\p{Zp}`, String.raw`\p{Default_Ignorable_Code_Point}`].join("|"), "gu");

const hasHidden = (text: string): boolean => text.search(HIDDEN) >= 0;

/** The text with everything hidden written out as `\u{200b}`, cut visibly at so many characters. */
export function visible(text: string, mostCharacters: number): string {
  const shown = text.slice(0, mostCharacters).replace(HIDDEN, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
  return text.length <= mostCharacters ? shown : `${shown}… [cut: ${mostCharacters} of ${text.length} characters]`;
}

/** Words of a schema that only explain; what stands there changes nothing. */
const EXPLAINING = new Set(["title", "description", "$comment", "default", "examples", "example"]);
const LONGEST_EXPLANATION = 1_000;
const DEEPEST = 60;

/**
 * A schema whose explanations have nothing hidden in them. Undefined: there is something hidden where it counts, in a name or a value, or it is too deep to be
 * looked at.
 */
export function visibleSchema(schema: Json, depth = 0): Json | undefined {
  if (depth > DEEPEST) return undefined;
  if (typeof schema === "string") return hasHidden(schema) ? undefined : schema;
  if (schema === null || typeof schema !== "object") return schema;
  if (Array.isArray(schema)) {
    const items = (schema as readonly Json[]).map((item) => visibleSchema(item, depth + 1));
    return items.includes(undefined) ? undefined : (items as Json);
  }
  const entries = Object.entries(schema as Readonly<Record<string, Json>>).map(([key, member]) => {
    if (hasHidden(key)) return [key, undefined] as const;
    return [key, EXPLAINING.has(key) ? explanation(member, depth) : visibleSchema(member, depth + 1)] as const;
  });
  return entries.some(([, member]) => member === undefined) ? undefined : Object.fromEntries(entries);
}

/** A property may be called `description`: then a schema stands here. */
function explanation(member: Json, depth: number): Json | undefined {
  return typeof member === "string" ? visible(member, LONGEST_EXPLANATION) : visibleSchema(member, depth + 1);
}
