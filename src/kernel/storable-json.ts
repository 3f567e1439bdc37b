import type { Json } from "./canonical-json.ts";

/**
 * A value from outside in a form that the record can keep: lone surrogates and NUL become U+FFFD, numbers without a JSON form become null, and what is no JSON
 * (functions, undefined) is left out, as JSON.stringify does.
 */
export function storableJson(value: unknown): Json {
  if (typeof value === "string") return value.toWellFormed().replaceAll("\0", "\uFFFD");
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "boolean" || value === null || value === undefined) return value ?? null;
  if (Array.isArray(value)) return value.map(storableJson);
  if (typeof value !== "object") return null;
  const members = Object.entries(value).filter(([, member]) => member !== undefined && typeof member !== "function");
  return Object.fromEntries(members.map(([key, member]) => [storableJson(key) as string, storableJson(member)]));
}
