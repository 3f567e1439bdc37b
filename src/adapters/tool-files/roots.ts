import { realpath } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import type { ToolDeps, ToolServerFrom } from "#src/acts/ports/tool-source.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { refused, segmentsOf } from "./open-place.ts";

export type FilesServer = ToolServerFrom<"files">;
export type FilesDeps = Pick<ToolDeps, "workspaceFolder" | "hidden">;
type Root = FilesServer["from"]["roots"][number];

export interface Place {
  readonly root: Root;
  /** The root without links on the way. */
  readonly base: string;
  readonly segments: readonly string[];
  /** Where it leads; what policy sees. */
  readonly path: string;
}

/** Never a root, nor below one: what lies there are doors, not files. */
const DOORS = ["/proc", "/sys", "/dev", "/run", "/boot"];

const isWithin = (path: string, folder: string): boolean => {
  const way = relative(folder.toLowerCase(), path.toLowerCase());
  return way === "" || (!way.startsWith(`..${sep}`) && way !== ".." && !isAbsolute(way));
};

/** Which root is meant, and what below it. @throws LoopError input_invalid | tool_failed */
export async function placeOf(server: FilesServer, deps: FilesDeps, given: { readonly root?: string | undefined; readonly path: string }): Promise<Place> {
  const root = rootOf(server, given.root);
  const segments = segmentsOf(given.path);
  const base = await realpath(isAbsolute(root.path) ? root.path : join(deps.workspaceFolder, root.path)).catch((cause: unknown) => {
    throw new LoopError("tool_failed", `The root ${root.name} (${root.path}) of ${server.name} is not there. Make the folder, or change the path.`, { cause });
  });
  const path = join(base, ...segments);
  await requireOpen(path, base, deps);
  return { root, base, segments, path };
}

export function rootOf(server: FilesServer, name: string | undefined): Root {
  const { roots } = server.from;
  const root = name === undefined && roots.length === 1 ? roots[0] : roots.find((known) => known.name === name);
  if (root) return root;
  throw refused(
    `${name === undefined ? "No root is named" : `There is no root ${name.slice(0, 80)}`}. Expected one of ${roots.map((known) => known.name).join(", ")}.`,
  );
}

/** The server's own home, its keys and the usual places of passwords are nobody's files; of the home only the workspace is open. */
async function requireOpen(path: string, base: string, { hidden, workspaceFolder }: FilesDeps): Promise<void> {
  const closed = [...DOORS, ...(await Promise.all(hidden.map((place) => realpath(place).catch(() => place))))];
  const wall = closed.find((place) => isWithin(path, place) && !(isWithin(workspaceFolder, place) && isWithin(path, workspaceFolder)));
  if (wall !== undefined || base === sep) throw refused(`${path} is closed to tools: it lies in ${wall ?? "the root of this machine"}.`);
}

/** Whether a folder that is walked into is closed. Cheap: `hidden` are real paths by now. */
export const isClosed = (path: string, { hidden, workspaceFolder }: FilesDeps): boolean =>
  [...DOORS, ...hidden].some((place) => isWithin(path, place) && !(isWithin(workspaceFolder, place) && isWithin(path, workspaceFolder)));

const WRITABLE_IN_WORKSPACE = "reports";

/** Where may be written: in a root that says so, and of the workspace only reports, so that no agent changes what it is told or may do. */
export function requireWritable({ root, segments, path, base }: Place, { workspaceFolder }: FilesDeps): void {
  if (!root.write) throw refused(`The root ${root.name} is for reading. To let tools write there: \`write: true\`.`);
  if (segments.length === 0) throw refused(`${base} is the root itself. Expected a file below it.`);
  if (segments.some((segment) => /^\.git$/i.test(segment))) throw refused(`${path} lies in .git, where files are commands. Tools do not write there.`);
  if (isWithin(path, workspaceFolder) && relative(workspaceFolder, path).split(sep)[0] !== WRITABLE_IN_WORKSPACE)
    throw refused(`${path} lies in the workspace, which tools change only below ${WRITABLE_IN_WORKSPACE}/.`);
}
