import { homedir } from "node:os";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { serve } from "#src/main.ts";
import { readSettings } from "#src/settings/read.ts";
import { endBy, listen, say } from "../trials/harness/in-child.ts";

/*
 * A whole server as `loop serve` runs it, told what to do over its standard input and ended with whoever started it. `collect` frees what is free, so that
 * two looks at its memory can be compared.
 */

const serving = serve(readSettings({ env: process.env, home: homedir(), isRoot: process.geteuid?.() === 0 }), process.env);
const end = endBy(async () => (await serving).stop()); // told to end while it starts, it still takes its Postgres along

function collect(as: string): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  say(as, { heapMb: heapUsed / 1_048_576, externalMb: external / 1_048_576 });
}

listen(({ tell, as }) => (tell === "collect" ? collect(String(as)) : undefined), end);
const { url } = await serving;
say("ready", { url });
