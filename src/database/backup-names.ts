const LONGEST_PART_BYTES = 255;
const LONGEST_PATH_BYTES = 1_024;

/**
 * Why a path of a backup must not become a file, or undefined when it may. A path that may has parts with `/` between them, each a plain name, so that joined to
 * a folder it stays below it; and it can be written on any disk that holds a workspace.
 */
export function pathFault(path: string): string | undefined {
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES) return `a path of more than ${LONGEST_PATH_BYTES} bytes`;
  if (!path.isWellFormed() || path.includes("\uFFFD")) return "a name that is not UTF-8";
  if (/[\p{Cc}\\]/u.test(path)) return "a control character or a backslash in its name";
  for (const part of path.split("/")) {
    if (part === "" || part === "." || part === "..") return "a path that leads elsewhere";
    if (Buffer.byteLength(part) > LONGEST_PART_BYTES) return `a name of more than ${LONGEST_PART_BYTES} bytes`;
  }
  return undefined;
}

/** What is made anew where it is needed; and what git would run, or is in the middle of. */
export const isLeftOut = (path: string): boolean =>
  /(^|\/)node_modules$/.test(path) || /^\.git\/hooks$/i.test(path) || /^\.git\/(.+\/)?[^/]+\.lock$/i.test(path);

/** The same for what lies in it. */
export const isPartLeftOut = (path: string): boolean => path.split("/").some((_, index, parts) => isLeftOut(parts.slice(0, index + 1).join("/")));
