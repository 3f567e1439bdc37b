import { digestOf, sha256 } from "#src/kernel/canonical-json.ts";
import { type FileSet, placeOf } from "./files.ts";
import { slug } from "./manifest/common.ts";
import { toolServerManifest } from "./manifest/tools.ts";
import type { ToolServer } from "./model.ts";
import { fileProblem, type Problem } from "./problem.ts";

const TOOL_FILE = /^tools\/([^/]+)\.ts$/;

/** All code of a workspace by path, and one digest over all of it: files import one another. */
export function codeOf(files: FileSet): { readonly files: FileSet; readonly digest: string } {
  const code = new Map([...files].filter(([path]) => placeOf(path) === "code" && path.startsWith("tools/")));
  return { files: code, digest: digestOf(Object.fromEntries([...code].map(([path, bytes]) => [path, sha256(bytes)]))) };
}

/**
 * Each `tools/<name>.ts` is a tool server of that name; files in folders below only help. A file of YAML that says `from: { by: code, file }` stands in place of
 * that, where limits or terms are to be others than the usual.
 */
export function withCodeServers(declared: readonly ToolServer[], files: FileSet): ToolServer[] {
  const { digest } = codeOf(files);
  const known = new Set(declared.flatMap(({ from }) => (from.by === "code" ? [from.file] : [])));
  const own = [...files.keys()].toSorted().flatMap((path): ToolServer[] => {
    const name = TOOL_FILE.exec(path)?.[1];
    if (name === undefined || known.has(path)) return [];
    const manifest = { apiVersion: "loopwright.dev/v1", kind: "ToolServer", name, from: { by: "code", file: path } };
    return [{ ...toolServerManifest.parse(manifest), source: path }];
  });
  return [...declared, ...own].map((server) => (server.from.by === "code" ? { ...server, from: { ...server.from, digest } } : server));
}

/** Names of files that cannot be names of tools, or that another file has. */
export function codeProblems(
  declared: readonly { readonly file: string; readonly name: string; readonly code: string | null }[],
  paths: readonly string[],
): Problem[] {
  return [
    ...paths.flatMap((path): Problem[] => {
      const name = TOOL_FILE.exec(path)?.[1];
      if (name === undefined || declared.some(({ code }) => code === path)) return [];
      if (!slug.safeParse(name).success)
        return [
          fileProblem(path, `the name ${name}, which begins the names of its tools`, "lower-case letters, digits, - and _, starting with a letter or digit"),
        ];
      const other = declared.find((one) => one.name === name);
      return other ? [fileProblem(path, `the name ${name}, which ${other.file} has too`, "another name")] : [];
    }),
    ...declared.flatMap(({ file, code }): Problem[] =>
      code === null || paths.includes(code) ? [] : [fileProblem(file, `the code ${code}, which is not there`, "a file of tools/")],
    ),
  ];
}
