import type { Agent } from "./agent.ts";
import type { Checks } from "./checks.ts";

const NAMES = ["../x", ".x", "a/b", "a\\b", "a..b", ""];

/** Every verb that takes a name, with names that lead elsewhere: refused, and nothing is there afterwards. */
export async function badNames(loop: Agent, check: Checks): Promise<void> {
  const before = await loop.json<{ world_hash: string }>("_", "state");
  const verbs: readonly (readonly [verb: string, args: (name: string) => string[]])[] = [
    ["goal write", (name) => ["goal", "write", name, "text"]],
    ["goal archive", (name) => ["goal", "archive", name]],
    ["sensor write", (name) => ["sensor", "write", name, "#!/bin/sh\necho {}"]],
    ["claim", (name) => ["claim", name]],
    ["ask", (name) => ["ask", name, "--prompt", "x", "--no-wait"]],
    ["schedule write", (name) => ["schedule", "write", name, "--in", "60"]],
    ["worker start", (name) => ["worker", "start", name, "do it"]],
    ["worker kill", (name) => ["worker", "kill", name]],
  ];
  for (const [verb, args] of verbs) {
    const seen = await Promise.all(NAMES.map(async (name) => ({ name, ...(await loop("_", ...args(name))) })));
    const taken = seen.filter(({ code }) => code !== 1 && code !== 2 && code !== 4);
    check.that(`${verb} refuses ${NAMES.map((name) => JSON.stringify(name)).join(" ")}`, taken.length === 0, taken);
  }
  const after = await loop.json<{ world_hash: string }>("_", "state");
  check.that("and the world is as it was", before.world_hash === after.world_hash);
}
