import { z } from "zod";
import { nativeTool } from "#src/acts/ports/native-tool.ts";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import { segmentsOf } from "./open-place.ts";
import { listFolder, readFile, searchFolder } from "./read.ts";
import { type FilesDeps, type FilesServer, placeOf, requireWritable, rootOf } from "./roots.ts";
import { writeFile } from "./write.ts";

const root = z.string().max(64).optional().describe("name of the root; left out where there is only one");
const file = z.string().min(1).max(4_096).describe("path below the root");
const folder = z.string().max(4_096).default("").describe("folder below the root; left out: the root itself");
const digest = z.string().regex(/^[0-9a-f]{64}$/);

type Given = { readonly root?: string | undefined; readonly path: string };

/** `<server>.read`, `.list`, `.search`, and `.write` where a root allows it. Policy sees the path that an act really leads to. */
export function filesTools(server: FilesServer, deps: FilesDeps): ToolPort[] {
  const place = (given: Given) => placeOf(server, deps, given);
  const common = {
    check: (given: Given) => {
      rootOf(server, given.root);
      segmentsOf(given.path);
    },
    facts: async (given: Given) => ({ path: (await place(given)).path }),
  };
  const roots = server.from.roots.map(({ name, write }) => `${name}${write ? " (may be written)" : ""}`).join(", ");
  const reading = { effect: "read" as const, terms: { risk: "low" as const, outbound: false, private: true, untrusted: true } };
  const read = nativeTool(server, {
    ...common,
    ...reading,
    name: "read",
    description: `Reads a text file. Roots: ${roots}.`,
    args: z.strictObject({ root, path: file, offset: z.int().min(0).default(0) }),
    invoke: async (given) => readFile(await place(given), { offset: given.offset, maxBytes: server.limits.maxResultBytes }),
  });
  const list = nativeTool(server, {
    ...common,
    ...reading,
    name: "list",
    description: `Lists a folder. Roots: ${roots}.`,
    args: z.strictObject({ root, path: folder }),
    invoke: async (given) => listFolder(await place(given)),
  });
  const search = nativeTool(server, {
    ...common,
    ...reading,
    name: "search",
    description: `Finds lines with a text in the files below a folder. Roots: ${roots}.`,
    args: z.strictObject({ root, path: folder, text: z.string().min(1).max(500), limit: z.int().min(1).max(200).default(50) }),
    invoke: async (given, { signal }) => searchFolder(await place(given), { wanted: given.text, limit: given.limit, signal, deps }),
  });
  return [read, list, search, ...(server.from.roots.some(({ write }) => write) ? [writeTool(server, deps, { ...common, roots })] : [])];
}

function writeTool(
  server: FilesServer,
  deps: FilesDeps,
  { roots, check, facts }: { roots: string; check: (given: Given) => void; facts: (given: Given) => Promise<{ path: string }> },
): ToolPort {
  return nativeTool(server, {
    check,
    facts,
    name: "write",
    description: `Writes a text file, whole. Roots: ${roots}.`,
    args: z.strictObject({
      root,
      path: file,
      text: z.string().max(5_242_880),
      base: digest.nullable().optional().describe("SHA-256 of the file that is replaced; null: there must be none; left out: whatever is there"),
      makeFolders: z.boolean().default(false),
    }),
    effect: "idempotent",
    terms: { risk: "medium", outbound: false, private: false, untrusted: false },
    async invoke({ text, base, makeFolders, ...given }, { actKey }) {
      const place = await placeOf(server, deps, given);
      requireWritable(place, deps);
      return writeFile(place, { text, base, makesFolders: makeFolders, key: actKey });
    },
  });
}
