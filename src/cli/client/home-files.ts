import { join } from "node:path";

/** Not by `import`, which loads all that the namespace can name. */
const fs = process.getBuiltinModule("node:fs");

/** How this account speaks to the server of a home; written by that server. */
export interface Credentials {
  readonly url: string;
  readonly handle: string;
  readonly token: string;
}

const LONGEST_SOCKET_PATH = 100;

/** Where the server of this home listens, as database/home.ts lays it out; makes nothing. */
export function socketPathOf(homeFolder: string): string {
  const usual = join(homeFolder, "socket", "loop.sock");
  if (Buffer.byteLength(usual) <= LONGEST_SOCKET_PATH) return usual;
  const id = (readJson(join(homeFolder, "home.json")) as { id?: string } | undefined)?.id ?? "none";
  return join("/tmp", `loopwright-${id.slice(0, 8)}`, "loop.sock");
}

/** Of the person, or of an agent session that decides. Undefined: there are none yet, or this account may not read them. */
export function readCredentials(homeFolder: string, of: "person" | "root" = "person"): Credentials | undefined {
  const read = readJson(join(homeFolder, of === "person" ? "credentials.json" : "root.json")) as Partial<Credentials> | undefined;
  return typeof read?.token === "string" ? { url: read.url ?? "", handle: read.handle ?? "", token: read.token } : undefined;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined; // absent, unreadable or damaged: the caller says what that means
  }
}
