import { z } from "zod";
import { digestOf, type Json, sha256 } from "#src/kernel/canonical-json.ts";
import { type FileSet, placeOf } from "./files.ts";
import { type DefineServices, serviceManifest, type ServiceManifest } from "./manifest/service.ts";
import type { Part } from "./parts.ts";
import { type Fault, fileProblem, type Path, type Problem } from "./problem.ts";
import { shape } from "./shape.ts";
import { readYamlFile } from "./text-file.ts";

const SERVICE_FILE = /^services\/[^/]+\.ts$/;
const ENDING = ".json";

/**
 * The files of a folder with what its code defines beside each file of code, as a revision has them: what was approved is what is served, and nobody runs the
 * code again. Code that is in force is not run for this; other code is run where `define` says how, and else left out.
 */
export async function withDefined(
  files: FileSet,
  { inForce, define }: { readonly inForce: FileSet; readonly define: DefineServices | undefined },
): Promise<{ files: FileSet; problems: readonly Problem[] }> {
  const paths = [...files.keys()].filter((path) => SERVICE_FILE.test(path)).toSorted();
  if (paths.length === 0) return { files, problems: [] };
  const code = codeOf(files);
  const isInForce = digestOf(digestsOf(code)) === digestOf(digestsOf(codeOf(inForce)));
  const all = new Map(files);
  const problems: Problem[] = [];
  for (const path of paths) {
    const known = inForce.get(path + ENDING);
    if (known !== undefined && (isInForce || define === undefined)) all.set(path + ENDING, known);
    else if (define !== undefined) {
      const defined = await define(path, code, { noSandbox: saysOff(files) });
      if (defined.kind === "services") all.set(path + ENDING, Buffer.from(JSON.stringify({ services: defined.services }, null, 1)));
      else problems.push({ ...fileProblem(path, defined.why, "code that exports what defineService gives"), line: defined.line });
    }
  }
  return { files: all, problems };
}

/** What is not in force yet cannot say it otherwise. */
const saysOff = (files: FileSet): boolean => {
  const read = readYamlFile(files.get("loop.yaml") ?? new Uint8Array());
  return read.kind === "ok" && offSchema.safeParse(read.document.value).success;
};
const offSchema = z.looseObject({ sandbox: z.literal("off") });

const codeOf = (files: FileSet): FileSet => new Map([...files].filter(([path]) => placeOf(path) === "code" && path.startsWith("services/")));
const digestsOf = (code: FileSet): Json => Object.fromEntries([...code].map(([path, bytes]) => [path, sha256(bytes)]));

const record = z.object({ services: z.array(z.object({ line: z.int(), column: z.int(), manifest: z.json() })) });

/** The file of code that a record was made from. */
export const codeFileOf = (path: string): string => path.slice(0, -ENDING.length);

/** The services that were defined, at their lines in the code, and what is wrong with them. Never throws. */
export function readDefined(path: string, bytes: Uint8Array, code: Uint8Array | undefined): { parts: Part<ServiceManifest>[]; faults: Fault[] } {
  const file = codeFileOf(path);
  const lines = Buffer.from(code ?? [])
    .toString()
    .split("\n");
  const parts: Part<ServiceManifest>[] = [];
  const faults: Fault[] = [];
  for (const { line, column, manifest } of recorded(bytes)) {
    const locate = (at: Path) => memberAt(lines, { line, column }, at);
    const shaped = shape(serviceManifest, { value: manifest, locate });
    if (shaped.kind === "ok") parts.push({ file, data: shaped.data, body: "", locate });
    else faults.push(...shaped.faults);
  }
  return { parts, faults };
}

function recorded(bytes: Uint8Array): z.infer<typeof record>["services"] {
  try {
    return record.parse(JSON.parse(Buffer.from(bytes).toString())).services;
  } catch {
    return []; // only our own hand writes it
  }
}

/** Where a member is written, as far as the text of the code shows it: the first of that name after the definition begins. Else the definition. */
function memberAt(lines: readonly string[], from: { line: number; column: number }, [member]: Path): { line: number; column: number } {
  if (typeof member !== "string") return from;
  const written = new RegExp(String.raw`(?<![\w.$])["']?${RegExp.escape(member)}["']?\s*[:,}]`);
  for (let index = from.line - 1; index < lines.length; index += 1) {
    const at = lines[index]!.slice(index === from.line - 1 ? from.column - 1 : 0).search(written);
    if (at !== -1) return { line: index + 1, column: at + 1 + (index === from.line - 1 ? from.column - 1 : 0) };
    if (index >= from.line && lines[index]!.includes("defineService(")) break;
  }
  return from;
}
