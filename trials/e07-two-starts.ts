import { join } from "node:path";
import { type Case, judged, within } from "./harness/case.ts";
import type { Child } from "./harness/child.ts";
import { ms } from "./harness/statistics.ts";
import { reach, startServer } from "./harness/server.ts";
import { textOf } from "./harness/text.ts";

const LIMIT_MS = 2_000;

interface Outcome {
  readonly child: Child;
  readonly kind: "ready" | "refused" | "silent";
  readonly tookMs: number;
  readonly code: string;
  readonly message: string;
}

async function outcome(child: Child, startMs: number): Promise<Outcome> {
  await Promise.race([child.heard("ready").catch(() => undefined), child.heard("refused").catch(() => undefined)]);
  const said = child.said[0];
  const kind = said?.say === "ready" || said?.say === "refused" ? said.say : "silent";
  return { child, kind, tookMs: performance.now() - startMs, code: textOf(said?.["code"]), message: textOf(said?.["message"]) };
}

export const twoStarts: Case = {
  id: "E07",
  title: "two servers start at once on an empty home: one wins, the other says why within 2 s",
  short: true,
  alone: true,
  limitMs: { short: 60_000, full: 120_000 },
  async run(world) {
    const rounds = world.short ? 1 : 4;
    const refusals: number[] = [];
    const starts: number[] = [];
    const said: string[] = [];
    let clear = 0;
    let alone = 0;
    let stopped = 0;
    const ends: string[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const home = join(world.folder, `home-${round}`);
      const startMs = performance.now();
      const children = await Promise.all(["one", "two"].map((name) => startServer(world, { name: `${name}-${round}`, home })));
      const outcomes = await Promise.all(children.map((child) => outcome(child, startMs)));
      const winner = outcomes.find((one) => one.kind === "ready");
      const loser = outcomes.find((one) => one.kind === "refused");
      said.push(...outcomes.filter((one) => one.kind === "refused").map((one) => one.code));
      if (!winner || !loser) continue;
      alone += 1;
      starts.push(winner.tookMs);
      refusals.push(loser.tookMs);
      if (loser.code === "home_in_use" && loser.message.includes(home)) clear += 1;
      const server = await reach(winner.child);
      const health = await server.call("GET /v1/health");
      const { code } = await winner.child.stop();
      ends.push(`health ${health?.status ?? "none"}, exit ${code ?? "by a signal"}`);
      if (health?.status === 200 && code === 0) stopped += 1;
    }
    return judged({
      reached: alone,
      wanted: rounds,
      figure: `the other was refused (${[...new Set(said)].join(", ")}) after ${refusals.map(ms).join(", ")}; the winner was ready after ${starts.map(ms).join(", ")} (${ends.join("; ")})`,
      conditions: {
        "one wins each time": alone === rounds,
        "it is said why": clear === rounds,
        "within 2 s": within(Math.max(...refusals), LIMIT_MS),
        "the winner serves and stops": stopped === rounds,
      },
    });
  },
};
