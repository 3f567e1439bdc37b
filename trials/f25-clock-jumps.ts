import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Case, judged } from "./harness/case.ts";
import { faketimeLibrary } from "./harness/needs.ts";
import { account, countOf, stepsIn, told } from "./harness/oracle.ts";
import { openServer, serverAt } from "./harness/server.ts";
import { ms } from "./harness/statistics.ts";
import { openStorm } from "./harness/storm.ts";
import { textOf } from "./harness/text.ts";

/** Puts a process under a clock that this file moves; its steady clock and the database go on as they are. */
const under = (file: string) => ({
  LD_PRELOAD: faketimeLibrary()!,
  FAKETIME_TIMESTAMP_FILE: file,
  FAKETIME_NO_CACHE: "1",
  FAKETIME_DONT_FAKE_MONOTONIC: "1",
  DONT_FAKE_MONOTONIC: "1",
  FAKETIME_XRESET: "1",
});

/** Its clock as a server says it in the header `Date`, against ours; milliseconds. */
async function aheadOf(url: string): Promise<number> {
  const answer = await fetch(`${url}/v1/health`);
  await answer.arrayBuffer();
  return Date.parse(answer.headers.get("date") ?? "") - Date.now();
}

export const clockJumps: Case = {
  id: "F25",
  title:
    "the clock of a server process jumps an hour ahead, an hour back, and to and fro, during leases, timers and tokens: nothing fires twice, nothing is lost or late",
  needs: ["faketime"],
  short: true,
  limitMs: { short: 120_000, full: 240_000 },
  async run(world) {
    const storm = await openStorm(world);
    const { db, url } = storm.database;
    const file = join(world.folder, "clock");
    await writeFile(file, "+0\n");
    const engine = await storm.engine("engine-a", { leaseMs: 3_000, toolMs: 20 }, under(file));
    const server = await openServer(world, {
      name: "server",
      home: join(world.folder, "home"),
      databaseUrl: url,
      env: { LOOP_ROLE: "api", LOOP_WORKSPACE: await storm.workspaceFolder(), ...under(file) },
    });
    const made = await server.call("POST /v1/tokens", { body: { label: "for half an hour", scopes: ["read"], expiresIn: "30m" } });
    const token = textOf(made?.body["value"]);
    const jumps = world.short ? ["+3600", "-3600", "+0"] : ["+3600", "+0", "-3600", "+0", "+3600", "-3600", "+3600", "+0"];
    const perJump = world.short ? 8 : 20;
    const scripts: string[] = [];
    const seenAhead: number[] = [];
    let refusedCalls = 0;
    let tokenRefused = 0;
    for (const [jump, offset] of jumps.entries()) {
      await writeFile(file, `${offset}\n`);
      await sleep(1_200); // the header is kept for a second
      seenAhead.push(Math.round((await aheadOf(server.url)) / 1_000));
      const more = Array.from({ length: perJump }, (_, index) => `later:400:j${jump}i${index} findable slow:300 later:400:k${jump}i${index} idempotent`);
      scripts.push(...more);
      await storm.queue(more);
      await sleep(world.short ? 3_000 : 6_000);
      const reply = await server.call("POST /v1/tickets", { body: { text: "the clock is wrong", externalId: `jump-${jump}` } });
      if (reply?.status !== 202) refusedCalls += 1;
      if ((await serverAt(server.child, server.url, token).call("GET /v1/tickets"))?.status !== 200) tokenRefused += 1;
    }
    const startMs = performance.now();
    const finished = await storm.allEnded(30_000);
    const lateMs = performance.now() - startMs;
    const seen = await account(db, storm.effects, stepsIn(scripts));
    const twice = await countOf(db, "select count(*) as n from runs where wake > 2");
    const waiting = await countOf(db, "select count(*) as n from timers t join runs r on r.id = t.run_id where r.ended_at is null");
    const farAhead = await countOf(db, "select count(*) as n from timers where due_at > clock_timestamp() + interval '10 minutes'");
    const tickets = await countOf(db, "select count(*) as n from tickets");
    return judged({
      reached: seenAhead.filter((seconds, index) => Math.abs(seconds - Number(jumps[index])) < 120).length,
      wanted: jumps.length,
      figure: `jumps ${jumps.join(" ")} s, seen as ${seenAhead.join(" ")}; ${waiting} runs still wait for a timer, ${farAhead} of those an hour ahead, ${twice} woken too often, all over ${ms(lateMs)} after the last jump, ${tickets} tickets, a token for half an hour refused ${tokenRefused} times, ${told(seen)}`,
      conditions: {
        "nothing late": finished,
        "nothing twice": twice === 0,
        "requests are taken": refusedCalls === 0 && tickets === jumps.length,
        "tokens go by the database's clock": tokenRefused === 0,
        sound: finished ? seen.isSound : seen.lost <= stepsIn(scripts) && seen.doubled === 0,
        "both stay up": !engine.hasExited() && !server.child.hasExited(),
      },
    });
  },
};
