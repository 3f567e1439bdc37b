import { join } from "node:path";
import { sql } from "kysely";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { writeFiles } from "#src/testing/workspace-files.ts";
import { type Case, judged } from "./harness/case.ts";
import { HEADER } from "./harness/model-house.ts";
import { countOf } from "./harness/oracle.ts";
import { openServer } from "./harness/server.ts";
import { until } from "./harness/wait.ts";

const MINUTELY = `${HEADER}\nkind: Trigger\nname: minute\nagent: helper\non: { schedule: { at: "* * * * *", text: "look", missed: once } }\n`;

const SUSPENDED_MS = 10 * 60_000;

export const suspended: Case = {
  id: "F27",
  title:
    "a server that is suspended (SIGSTOP of its process, while the clock of the database goes on by ten minutes): the beats that it missed collapse into one, of schedules and of sensors",
  needs: ["bwrap"],
  short: true,
  limitMs: { short: 240_000, full: 400_000 },
  async run(world) {
    const database = await world.database({ movableClock: true });
    const { db, url } = database;
    const workspace = join(world.folder, "suspended");
    await writeFiles(
      workspace,
      chatWorkspace({
        "triggers/minute.yaml": MINUTELY,
        "sensors/ticking.sh": '#!/bin/sh\n# loop:interval=20\necho "{\\"signal\\": {\\"even\\": true}, \\"detail\\": {\\"at\\": $(date +%s)}}"\n',
      }),
    );
    const server = await openServer(world, { name: "server", home: join(world.folder, "home"), databaseUrl: url, env: { LOOP_WORKSPACE: workspace } });
    const beats = (): Promise<number> => countOf(db, "select count(*) as n from tickets where sender = 'trigger:minute'");
    const read = (): Promise<number> => countOf(db, "select count(*) as n from sensor_readings where sensor = 'ticking'");
    const isBeating = await until(async () => (await beats()) >= 1 && (await read()) === 1, { limitMs: 130_000, everyMs: 250 });
    const times = world.short ? 1 : 3;
    const gained: number[] = [];
    let oldest = 0;
    for (let time = 0; time < times; time += 1) {
      const before = await beats();
      server.child.signal("SIGSTOP");
      await database.advance(SUSPENDED_MS);
      await new Promise((resolve) => void setTimeout(resolve, 2_000));
      server.child.signal("SIGCONT");
      await until(async () => (await beats()) > before, { limitMs: 70_000, everyMs: 100 });
      await new Promise((resolve) => void setTimeout(resolve, 3_000));
      gained.push((await beats()) - before);
      const { rows } = await sql<{ late: number }>`
        select extract(epoch from loop_now() - ran_at)::float8 as late from sensor_readings where sensor = 'ticking'`.execute(db);
      oldest = Math.max(oldest, rows[0]?.late ?? Infinity);
    }
    return judged({
      reached: isBeating ? times : 0,
      wanted: times,
      figure: `${times} times ten minutes: ${gained.join(", ")} tickets of a schedule by the minute after each (10 minutes missed), the reading of a sensor is ${oldest.toFixed(1)} s old`,
      conditions: {
        // one for all that was missed, and those of the last two and a half minutes, which are not counted as missed
        "ten missed minutes are not ten tickets": gained.every((count) => count >= 1 && count <= 4),
        "the sensor ran again": oldest <= 25,
        "the server stays up": !server.child.hasExited(),
      },
    });
  },
};
