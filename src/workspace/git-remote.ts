import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

const LARGEST_BYTES = 262_144;

/** Where the workspace folder is pushed to: `host` and `owner/name` of its remote `origin`. Undefined where the folder is no git repository, or has none. */
export async function gitRemote(folder: string): Promise<{ readonly host: string; readonly repo: string } | undefined> {
  const text = await configOf(folder);
  const section = /^\[remote "origin"\][^\n]*\n((?:(?!\s*\[)[^\n]*(?:\n|$))*)/m.exec(text)?.[1] ?? "";
  const url = /^\s*url\s*=\s*(\S+)\s*$/m.exec(section)?.[1];
  return url === undefined ? undefined : remoteOf(url);
}

/** Reads `https://host/owner/name.git`, `ssh://git@host/owner/name` and `git@host:owner/name.git`. */
export function remoteOf(url: string): { readonly host: string; readonly repo: string } | undefined {
  const read = /^(?:(?:https?|ssh|git):\/\/(?:[^@/\s]+@)?([^/:\s]+)(?::\d+)?\/|(?:[^@/\s]+@)?([^/:\s]+):)([\w.-]+\/[\w.-]+?)(?:\.git)?\/?$/.exec(url);
  const host = read?.[1] ?? read?.[2];
  return host === undefined ? undefined : { host: host.toLowerCase(), repo: read![3]! };
}

async function configOf(folder: string): Promise<string> {
  const handle = await open(join(folder, ".git", "config"), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => undefined); // no repository
  if (!handle) return "";
  try {
    const facts = await handle.stat();
    return facts.isFile() && facts.size <= LARGEST_BYTES ? await handle.readFile("utf8") : "";
  } finally {
    await handle.close();
  }
}
