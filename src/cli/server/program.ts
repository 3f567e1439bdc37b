import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Home } from "#src/database/home.ts";
import type { Environment } from "#src/settings/read.ts";
import type { Settings } from "#src/settings/schema.ts";

/** What src/main.ts gives: a server that takes requests. */
export interface RunningServer {
  /** Empty: this process does not answer requests. */
  readonly url: string;
  readonly home: Home;
  /** Safe to call twice. */
  stop(): Promise<void>;
}

export interface ServeOptions {
  /** Called when a part is up, in order: `database`, `workspace`, `server`. */
  readonly onStep?: (step: string) => void;
  /** Sentences about what takes long at this start alone. */
  readonly say?: (sentence: string) => void;
}

interface Program {
  serve(settings: Settings, env: Environment, options?: ServeOptions): Promise<RunningServer>;
}

/**
 * The program itself. Nobody imports what starts it (src/architecture.test.ts): it knows every part, and a verb should load none. The two verbs that are the
 * server name its file, as they would to run it as another process, which would hold 45 MB for nothing.
 */
export async function loadProgram(): Promise<Program> {
  const file = join(import.meta.dirname, "..", "..", `main${extname(import.meta.filename)}`);
  return (await import(pathToFileURL(file).href)) as Program;
}
