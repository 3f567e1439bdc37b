import { homedir } from "node:os";
import { serve } from "#src/main.ts";
import { readSettings } from "#src/settings/read.ts";

/** A whole server as a process of its own, so that it can be killed. Says where it listens in one line of JSON; ends cleanly on SIGTERM. */
const env = { ...process.env };
const server = await serve(readSettings({ env, home: homedir(), isRoot: process.getuid?.() === 0 }), env);
process.stdout.write(`${JSON.stringify({ url: server.url })}\n`);
process.once("SIGTERM", () => void server.stop().then(() => process.exit(0)));
