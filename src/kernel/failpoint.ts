import { appendFileSync } from "node:fs";

const killAt = process.env["LOOP_FAILPOINT_KILL_AT"];
const trace = process.env["LOOP_FAILPOINT_TRACE"];
let reached = 0;

/**
 * A named place between two statements or effects. Nothing happens here in ordinary use; under the kill sweep the process counts the points it
 * passes (`LOOP_FAILPOINT_TRACE`: a file that gets a line each) or dies at the n-th or at the first of a name (`LOOP_FAILPOINT_KILL_AT`), as `kill -9` would.
 */
export function failpoint(name: string): void {
  if (trace === undefined && killAt === undefined) return;
  reached += 1;
  if (trace !== undefined) appendFileSync(trace, `${name}\n`);
  if (killAt === name || killAt === String(reached)) process.kill(process.pid, "SIGKILL");
}
