import { homedir } from "node:os";
import { writeServerFile } from "#src/cli/server/server-file.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { serve } from "#src/main.ts";
import { readSettings } from "#src/settings/read.ts";
import { endBy, listen, say } from "./harness/in-child.ts";

/* A whole server in a process of its own, set up by its environment alone, as `loop up` would start it. */

try {
  const settings = readSettings({ env: process.env, home: homedir(), isRoot: process.geteuid?.() === 0 });
  const server = await serve(settings, process.env);
  const gone = writeServerFile(server.home.folder, server.url); // as `loop serve` does, so that the command line finds it
  listen(
    () => undefined,
    endBy(async () => {
      gone();
      await server.stop();
    }),
  );
  say("ready", { url: server.url, home: server.home.folder, credentials: server.home.credentials });
} catch (error) {
  say("refused", { code: error instanceof LoopError ? error.code : "bug", message: error instanceof Error ? error.message : String(error) });
  process.exit(1);
}
