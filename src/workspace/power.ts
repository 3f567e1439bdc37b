import { digestOf, type Json, sha256 } from "#src/kernel/canonical-json.ts";
import { type FileSet, kindOf, placeOf } from "./files.ts";
import { readMarkdownFile, readYamlFile } from "./text-file.ts";

/**
 * What of an SOP is power: the thresholds that decide who is asked, when, and what counts as done; the estimate that they weigh where a draft names no cost;
 * and what decides for which messages they count: category, labels and trigger phrases. An SOP without thresholds has power too: its phrases take messages
 * from the others, and one without phrases takes those that nobody named.
 */
const SOP_POWER = ["id", "category", "labels", "triggers", "severity", "raise", "escalation", "costEstimateUsd", "check", "acknowledgeWithin"];

export interface FileParts {
  /** What changes only by apply. Undefined: nothing in this file. */
  readonly power: Json | undefined;
  /** What is taken as it is. Undefined: nothing in this file. */
  readonly live: Json | undefined;
}

/** What a file says, apart by kind: fields where it has fields, `text` or `digest` where not. Layout and comments are in neither. Never throws. */
export function partsOf(path: string, bytes: Uint8Array): FileParts {
  const said = sayingOf(path, bytes);
  if (kindOf(path) === "apply") return { power: said, live: undefined };
  if (placeOf(path) !== "sop" || !isFields(said)) return { power: undefined, live: said };
  const [power, live] = [true, false].map((isPower) => Object.fromEntries(Object.entries(said).filter(([name]) => SOP_POWER.includes(name) === isPower)));
  return { power, live };
}

function sayingOf(path: string, bytes: Uint8Array): Json {
  const isMarkdown = path.endsWith(".md") && placeOf(path) !== "skillFile" && placeOf(path) !== "code";
  const isYaml = /\.(?:ya?ml|json)$/.test(path) && placeOf(path) !== "skillFile" && placeOf(path) !== "sensor";
  const read = isMarkdown ? readMarkdownFile(bytes) : isYaml ? readYamlFile(bytes) : undefined;
  if (read === undefined || read.kind === "faults") return { digest: sha256(bytes) };
  const fields = read.document.value as Json;
  if (!isMarkdown) return fields;
  return isFields(fields) ? { ...fields, text: read.body } : { text: read.body };
}

export type Fields = { readonly [key: string]: Json | undefined };

export const isFields = (value: Json | undefined): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);

/** One digest over all power in a workspace: the same whatever the layout, the comments and the live text. */
export function powerDigest(files: FileSet): string {
  const power = [...files].map(([path, bytes]) => [path, partsOf(path, bytes).power] as const);
  return digestOf(Object.fromEntries(power));
}
