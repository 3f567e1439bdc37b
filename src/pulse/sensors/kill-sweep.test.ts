import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { killAtEveryPoint, type SweepPlace } from "#src/testing/kill-sweep.ts";
import { liveSensors } from "#src/testing/sensor-sweep-child.ts";
import { readings } from "../store/sensor-readings.ts";

async function judge({ db, folder }: SweepPlace) {
  const { rows } = await sql<{ said: string }>`
    select e.kind || ' ' || (p.body::jsonb ->> 'sensor') as said from events e join payloads p on p.event_id = e.id where e.kind like 'sensor.%' order by 1`.execute(
    db,
  );
  return {
    readings: (await readings(db)).map(({ sensor, signal, failed }) => [sensor, signal, failed]),
    events: rows.map(({ said }) => said),
    isThere: (await readdir(join(folder, "sensors"))).some((name) => /^[0-9a-f]{64}$/.test(name)),
  };
}

const UNHARMED = {
  readings: [
    ["changes", "b", false],
    ["comes", "here", false],
    ["fails", { error: true, exit_code: 3 }, true],
  ],
  events: ["sensor.changed changes", "sensor.changed changes", "sensor.changed comes", "sensor.changed fails", "sensor.changed goes", "sensor.removed goes"],
  isThere: true,
};

test("killed at every point, sensors end with what is there, and each move of a signal is told once", { timeout: 300_000 }, (t) =>
  killAtEveryPoint(t, {
    program: new URL("../../testing/sensor-sweep-child.ts", import.meta.url),
    live: liveSensors,
    judge,
    unharmed: UNHARMED,
    reaches: ["programs.drafted", "programs.away", "sensors.forgotten", "sensors.tidied", "sensors.written", "sensors.committed"],
  }),
);
