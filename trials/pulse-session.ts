import { cp } from "node:fs/promises";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Case, judged } from "./harness/case.ts";
import { until } from "./harness/wait.ts";
import type { World } from "./harness/world.ts";
import { type Agent, agentOf } from "./pulse/agent.ts";
import { badNames } from "./pulse/bad-names.ts";
import { type Checks, startChecks } from "./pulse/checks.ts";
import { commands } from "./pulse/commands.ts";
import { direction } from "./pulse/direction.ts";
import { firstSteps } from "./pulse/first-steps.ts";
import { killed, mailbox } from "./pulse/mailbox.ts";
import { workers } from "./pulse/workers.ts";
import { timetable } from "./pulse/timetable.ts";

const LEAST = 60;

export const pulseSession: Case = {
  id: "pulse-session",
  title:
    "an agent from outside drives every verb of `loop _` by the command line, two processes at once, with kill -9 of the server in the middle and whatever a careless hand may type",
  needs: ["bwrap"],
  short: true,
  limitMs: { short: 240_000, full: 240_000 },
  async run(world) {
    const check = startChecks((line) => console.log(line));
    const loop = await profile(world, "one");
    await firstSteps(loop, check);
    await direction(loop, check);
    await mailbox(loop, check);
    await timetable(loop, check);
    await commands(loop, check);
    await badNames(loop, check);
    await killed(loop, check, () => kill(loop));
    await isolated(world, loop, check);
    await workers(loop, check, () => kill(loop));
    check.that("and nothing of it is left", loop.serverIds().length === 0);
    const broken = check.made.filter(({ isSo }) => !isSo);
    return judged({
      reached: check.made.length,
      wanted: LEAST,
      figure: `${check.made.length - broken.length} of ${check.made.length} checks`,
      conditions: Object.fromEntries(check.made.map(({ name, isSo }) => [name, isSo])),
    });
  },
};

/** A home of its own on a database of its own; nothing of it outlives the case. */
async function profile(world: World, name: string): Promise<Agent> {
  const { url } = await world.database();
  const home = join(world.folder, name);
  await mkdir(home, { mode: 0o711 });
  const loop = agentOf(home, { DATABASE_URL: url, LOOP_MIN_FREE_MB: "50" });
  world.after(async () => {
    await loop("down", "--force");
    await cp(join(home, "logs"), join(world.folder, "logs", name), { recursive: true }).catch(() => undefined);
  });
  return loop;
}

async function kill(loop: Agent): Promise<void> {
  const ids = loop.serverIds();
  ids.forEach((id) => process.kill(id, "SIGKILL"));
  await until(async () => (await loop("status")).code === 3, { limitMs: 10_000 });
}

/** Two profiles at once know nothing of each other. */
async function isolated(world: World, loop: Agent, check: Checks): Promise<void> {
  const other = await profile(world, "two");
  await other("init", "--template", "personal");
  check.ended("another home is another profile, at the same time", await other("up"), { code: 0, said: /loop: pulse started/ });
  await loop("_", "claim", "deploy");
  check.ended("a claim of one is free in the other", await other("_", "claim", "deploy"), { code: 0, said: /claimed deploy/ });
  const { goals } = await other.json<{ goals: string[] }>("_", "state");
  check.that("and its goals are its own", goals.toSorted().join() === "playbook-daily,setup", goals);
  check.ended("stopping one leaves the other", await other("down"), { code: 0 });
  check.ended("which still answers", await loop("status"), { code: 0 });
}
