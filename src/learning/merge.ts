import { sha256 } from "#src/kernel/canonical-json.ts";
import type { FileSet } from "#src/workspace/files.ts";
import type { ProposedFile } from "./proposal.ts";

/** The files with the proposed ones in their place. Pure. */
export function mergeFiles(files: FileSet, proposed: readonly ProposedFile[]): FileSet {
  return new Map([...files, ...proposed.map(({ path, text }) => [path, Buffer.from(text)] as const)]);
}

/** The paths where the files are no longer those that were proposed to be replaced, nor the proposed ones. */
export function stalePaths(files: FileSet, proposed: readonly ProposedFile[]): string[] {
  return proposed
    .filter(({ path, text, base }) => {
      const digest = digestAt(files, path);
      return digest !== base && digest !== sha256(text);
    })
    .map(({ path }) => path);
}

function digestAt(files: FileSet, path: string): string | null {
  const content = files.get(path);
  return content === undefined ? null : sha256(content);
}

/** The files before the proposal, where it replaces nothing. */
export const withoutProposed = (files: FileSet, proposed: readonly ProposedFile[]): FileSet =>
  new Map([...files].filter(([path]) => !proposed.some((file) => file.path === path)));
