import { type Db, inTransaction } from "#src/database/open.ts";
import type { Queue, QueuedJob } from "#src/database/queue.ts";
import { receiveText } from "#src/intake/receive.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { Engine } from "#src/runs/engine.ts";
import type { Trigger, Workspace } from "#src/workspace/model.ts";
import { beatsBetween, type Schedule } from "./beats.ts";
import { forgetLooked, lockLooked, setLooked } from "./store/beats.ts";

/** What a job of a trigger carries. What the trigger says is read when it is handled. `beat`: left out by those of earlier versions. */
export interface Firing {
  readonly trigger: string;
  readonly beat?: string;
}

export interface TriggerParts {
  readonly engine: Pick<Engine, "db" | "clock" | "log" | "workspaces" | "tiers">;
  readonly queue: Pick<Queue, "enqueue" | "unschedule" | "scheduled" | "moments">;
  /** False while the disk is full: the firing is tried again. */
  readonly mayTake: () => boolean;
  readonly changed: () => void;
}

export interface Triggers {
  /** Makes a job of each moment that the schedules of the revision in force have come to since the last look. Called each minute; late, twice and at once are fine. */
  look(): Promise<void>;
  /** One beat becomes one ticket with its run, however often its job is handled. */
  fire(job: Pick<QueuedJob<Firing>, "id" | "data">): Promise<void>;
}

type Scheduling = Extract<Trigger["on"], { readonly schedule: unknown }>["schedule"];

export function createTriggers({ engine, queue, mayTake, changed }: TriggerParts): Triggers {
  const { db, clock, workspaces, tiers, log } = engine;
  const intake = { db, clock, workspaces, tiers, mayTake, whoIs: () => Promise.resolve(undefined) };
  const said = new Set<string>();
  return {
    async look() {
      const { workspace } = await workspaces.current();
      const triggers = onSchedule(workspace);
      await inTransaction(db, (tx) =>
        forgetLooked(
          tx,
          triggers.map(({ name }) => name),
        ),
      );
      for (const { key } of await queue.scheduled("trigger")) await queue.unschedule("trigger", key); // earlier versions had the queue fire them
      for (const trigger of triggers) {
        const { at, missed, timeZone = workspace.manifest.timeZone } = trigger.on;
        await lookAt({ db, queue }, { name: trigger.name, schedule: { at, timeZone }, missed }).catch((error: unknown) => {
          if (said.size < MOST_SAID && said.size !== said.add(`${trigger.name} ${at} ${timeZone} ${String(error)}`).size)
            log.warn("the schedule of a trigger cannot be looked at, so it does not fire; it is tried again each minute", { trigger: trigger.name, error });
        });
      }
    },
    async fire({ id, data }) {
      const { workspace } = await workspaces.current();
      const trigger = onSchedule(workspace).find(({ name }) => name === data.trigger);
      if (!trigger) return; // taken away since
      const { name, agent, task, on } = trigger;
      const message = {
        provider: "schedule",
        surface: "schedule",
        externalId: data.beat === undefined ? id : `${name} ${data.beat}`,
        sender: `trigger:${name}`,
        text: on.text,
        labels: on.labels,
      };
      const why = { agent, task, reason: `the trigger ${name} fired (${on.at})`, trust: "owner" as const }; // an owner or admin put its text in force
      await receiveText(intake, message, why).catch((error: unknown) => {
        if (!(error instanceof LoopError && error.code === "delivery_conflict")) throw error; // this beat came before its text was changed
      });
      changed();
    },
  };
}

/** Errors that are said once each. */
const MOST_SAID = 1_000;

/** Longer than this between two looks, and nobody was there. */
const UNWATCHED_MS = 150_000;

interface Scheduled {
  readonly name: string;
  readonly schedule: Schedule;
  readonly missed: Scheduling["missed"];
}

async function lookAt({ db, queue }: { db: Db; queue: TriggerParts["queue"] }, { name, schedule, missed }: Scheduled): Promise<void> {
  const key = { trigger: name, schedule: `${schedule.at} ${schedule.timeZone}` };
  await inTransaction(db, async (tx) => {
    const { nowMs, untilMs } = await lockLooked(tx, key);
    const afterMs = untilMs ?? nowMs;
    const beats = beatsBetween(queue.moments, schedule, { afterMs, untilMs: nowMs });
    const inTime = nowMs - afterMs <= UNWATCHED_MS ? beats : beats.filter(({ atMs }) => atMs > nowMs - UNWATCHED_MS);
    const madeUpFor = missed === "once" && inTime.length < beats.length ? [beats[beats.length - inTime.length - 1]!] : [];
    for (const { id } of [...madeUpFor, ...inTime]) {
      await queue.enqueue(tx, "trigger", { trigger: name, beat: id } satisfies Firing);
      failpoint("trigger.enqueued");
    }
    await setLooked(tx, { ...key, untilMs: nowMs }); // also where the clock was set back: what comes again is known by its id
  });
  failpoint("trigger.looked");
}

const onSchedule = ({ triggers }: Workspace): (Omit<Trigger, "on"> & { readonly on: Scheduling })[] =>
  triggers.flatMap(({ on, ...trigger }) => ("schedule" in on ? [{ ...trigger, on: on.schedule }] : []));
