import { z } from "zod";
import { labelKey } from "#src/workspace/manifest/common.ts";
import { isStorable } from "./json-text.ts";

/** Text for the database. */
export const text = (longest: number) =>
  z.string().max(longest, `expected ${longest} characters at most`).refine(isStorable, "expected text without NUL and without half of a surrogate pair");

/** A parameter that may come more than once. */
const several = <T extends z.ZodType>(one: T) => z.union([z.array(one).max(20), one.transform((value) => [value] as z.infer<T>[])]);

const labelPair = text(161).refine(
  (pair) => labelKey.safeParse(pair.slice(0, Math.max(0, pair.indexOf(":")))).success && pair.indexOf(":") < pair.length - 1,
  "expected a label as key:value, such as property:warm_taipei_2br",
);

/** `label=key:value`, any number of times; all of them must match. Becomes an object. */
export const labelFilter = several(labelPair)
  .default([])
  .transform((pairs) => Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf(":")), pair.slice(pair.indexOf(":") + 1)])));

export const choices = <const T extends readonly [string, ...string[]]>(names: T) => several(z.enum(names)).default([]);

/** A whole number in words of digits only: no sign, exponent, space or hexadecimal. */
export const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, `expected a whole number from ${least} to ${most}`)
    .transform(Number)
    .refine((value) => value >= least && value <= most, `expected a whole number from ${least} to ${most}`);

export const limit = (usual: number, most: number) => wholeNumber(1, most).default(usual);

/** A moment; becomes milliseconds since 1970. */
export const moment = z.iso
  .datetime({ offset: true, error: "expected a moment with its zone, such as 2026-10-25T00:00:00Z" })
  .transform((written) => Date.parse(written));

export const flag = z
  .enum(["true", "false"])
  .default("false")
  .transform((word) => word === "true");

export const idParams = z.strictObject({ id: z.string() });

/** Where a list goes on: opaque to readers. */
const cursorShape = z.tuple([z.int().nonnegative(), z.string().max(64)]);

export const cursorOf = (last: { readonly createdAtMs: number; readonly id: string }): string =>
  Buffer.from(JSON.stringify([last.createdAtMs, last.id])).toString("base64url");

export const cursor = z
  .string()
  .max(200)
  .transform((written, context) => {
    const read = cursorShape.safeParse(parsed(Buffer.from(written, "base64url").toString("utf8")));
    if (read.success && isStorable(read.data[1])) return { createdAtMs: read.data[0], id: read.data[1] };
    context.addIssue({ code: "custom", message: "expected the nextCursor of an earlier answer" });
    return z.NEVER;
  });

function parsed(written: string): unknown {
  try {
    return JSON.parse(written);
  } catch {
    return undefined; // the schema refuses it with its own words
  }
}

export const isoOf = (ms: number): string => new Date(ms).toISOString();
export const isoOrNull = (ms: number | null): string | null => (ms === null ? null : isoOf(ms));
