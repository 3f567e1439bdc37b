import { LoopError } from "#src/kernel/errors.ts";
import type { Redactor } from "#src/kernel/redaction.ts";

/** Shorter values cannot be taken out of logs without taking ordinary words out too. */
const SHORTEST_VALUE = 8;
/** Long enough for a chain of certificates. */
export const LONGEST_VALUE = 65_536;

const SHORTEST_LINE = 16;

/** What is wrong with a value, in words that end "the value …"; null when nothing is. Never quotes it. */
export function problemOf(value: string): string | null {
  if (value.trim() === "") return "is blank";
  if (value.length < SHORTEST_VALUE) return `has ${value.length} characters, and fewer than ${SHORTEST_VALUE} cannot be kept out of logs`;
  if (value.length > LONGEST_VALUE) return `has ${value.length} characters, and ${LONGEST_VALUE} is the most`;
  if (value.includes("\0")) return "has a NUL character in it";
  return value.isWellFormed() && !value.includes("\uFFFD") ? null : "is not text in UTF-8";
}

/** @throws LoopError input_invalid */
export function requireValue(name: string, value: string): void {
  const problem = problemOf(value);
  if (problem !== null)
    throw new LoopError("input_invalid", `The secret ${name} was not kept: the value ${problem}.`, { facts: { name, length: value.length } });
}

/** Teaches the redactor the value, and the lines of a long one: a key of many lines is often printed line by line. */
export function teach(redactor: Redactor, value: string): void {
  redactor.learn(value);
  for (const line of value.split(/\r?\n/)) if (line.length >= SHORTEST_LINE && line !== value && !line.startsWith("-----")) redactor.learn(line);
}

/** Editors and programs end a text with a line break that is no part of the value. */
export const withoutLastLineBreak = (text: string): string => text.replace(/\r?\n$/, "");
