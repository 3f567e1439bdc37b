import { type Db, inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { type Batched, batched } from "#src/kernel/batched.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { forgetReadings, type NewReading, writeReadings, type Written } from "../store/sensor-readings.ts";

export interface RecordParts {
  readonly db: Db;
  readonly clock: Clock;
  /** A signal moved. */
  readonly changed: () => void;
  /** What ends within this time is written together; left out: 200 ms. */
  readonly gatherMs?: number;
}

const GATHER_MS = 200;
const MOST_AT_ONCE = 1_000;

export interface Ended {
  readonly reading: NewReading;
  /** Word for word what this process wrote last. */
  readonly isSame: () => boolean;
  /** False: nobody wants it any more. */
  readonly isWanted: () => boolean;
  /** It is on record. `isLost`: the row was another one than this process thought. */
  readonly written: (isLost: boolean) => void;
}

/** Puts readings on record, those that come at about the same time in one statement, and tells when a signal moved. */
export function createRecorder(parts: RecordParts): Batched<Ended, void> {
  return batched<Ended, void>(
    async (ended) => {
      const wanted = ended.filter((one) => one.isWanted());
      const latest = [...new Map(wanted.map((one) => [one.reading.sensor, one])).values()];
      if (latest.length > 0) await write(parts, latest);
      return ended.map(() => undefined);
    },
    { most: MOST_AT_ONCE, gatherMs: parts.gatherMs ?? GATHER_MS },
  );
}

async function write({ db, clock, changed }: RecordParts, latest: readonly Ended[]): Promise<void> {
  const { true: same = [], false: said = [] } = Object.groupBy(latest, (one) => (one.isSame() ? "true" : "false"));
  const batch = { said: said.map(({ reading }) => reading), same: same.map(({ reading }) => reading) };
  const { moved, lost } = await inTransaction(db, async (tx) => {
    const wrote = await writeReadings(tx, batch);
    const moves = wrote.written.filter(hasMoved);
    const events = moves.map(({ sensor, digest, failed }) => ({ kind: "sensor.changed", actor: "system", payload: { sensor, digest, failed } }));
    if (events.length > 0) await append(tx, clock, events);
    failpoint("sensors.written");
    return { moved: moves.length, lost: wrote.lost };
  });
  failpoint("sensors.committed");
  for (const { reading, written } of latest) written(lost.includes(reading.sensor));
  if (moved > 0) changed();
}

const hasMoved = ({ digest, failed, before }: Written): boolean => before === null || before.digest !== digest || before.failed !== failed;

/** Takes away the readings of sensors that are not in force any more. */
export async function forgetOthers({ db, clock, changed }: RecordParts, names: readonly string[]): Promise<void> {
  const gone = await inTransaction(db, async (tx) => {
    const forgotten = await forgetReadings(tx, names);
    const events = forgotten.map((sensor) => ({ kind: "sensor.removed", actor: "system", payload: { sensor } }));
    if (events.length > 0) await append(tx, clock, events);
    failpoint("sensors.forgotten");
    return forgotten;
  });
  failpoint("sensors.tidied");
  if (gone.length > 0) changed();
}
