import type { Queue, QueuedJob } from "#src/database/queue.ts";
import { receiveText } from "#src/intake/receive.ts";
import type { Engine } from "#src/runs/engine.ts";
import type { Trigger, Workspace } from "#src/workspace/model.ts";

/** What the queue keeps with a schedule: the name of its trigger. What the trigger says is read when it fires. */
export interface Firing {
  readonly trigger: string;
}

export interface TriggerParts {
  readonly engine: Pick<Engine, "db" | "clock" | "log" | "workspaces" | "tiers">;
  readonly queue: Pick<Queue, "schedule" | "unschedule" | "scheduled">;
  /** False while the disk is full: the firing is tried again. */
  readonly mayTake: () => boolean;
  readonly changed: () => void;
}

export interface Triggers {
  /** Makes the schedules of the queue those of the revision in force. Level-triggered: it compares and changes what differs. */
  follow(): Promise<void>;
  /** One firing becomes one ticket with its run, however often its job is handled. */
  fire(job: Pick<QueuedJob<Firing>, "id" | "data">): Promise<void>;
}

type Scheduling = Extract<Trigger["on"], { readonly schedule: unknown }>["schedule"];

export function createTriggers({ engine, queue, mayTake, changed }: TriggerParts): Triggers {
  const { db, clock, workspaces, tiers, log } = engine;
  const intake = { db, clock, workspaces, tiers, mayTake, whoIs: () => Promise.resolve(undefined) };
  let followed: number | undefined;
  return {
    async follow() {
      const { revision, workspace } = await workspaces.current();
      if (revision === followed) return;
      const known = new Map((await queue.scheduled("trigger")).map((schedule) => [schedule.key, schedule]));
      for (const { name, on } of onSchedule(workspace)) {
        const { at, missed, timeZone = workspace.manifest.timeZone } = on;
        const before = known.get(name);
        known.delete(name);
        if (before?.when === at && before.timeZone === timeZone && before.missed === missed) continue;
        await queue.schedule("trigger", at, { key: name, timeZone, missed, data: { trigger: name } satisfies Firing }).catch(async (error: unknown) => {
          log.warn("a trigger cannot be scheduled, so it does not fire", { trigger: name, error });
          if (before) await queue.unschedule("trigger", name);
        });
      }
      for (const gone of known.keys()) await queue.unschedule("trigger", gone);
      followed = revision;
    },
    async fire({ id, data }) {
      const { workspace } = await workspaces.current();
      const trigger = onSchedule(workspace).find(({ name }) => name === data.trigger);
      if (!trigger) return; // taken away since
      const { name, agent, task, on } = trigger;
      const message = { provider: "schedule", surface: "schedule", externalId: id, sender: `trigger:${name}`, text: on.text, labels: on.labels };
      const why = { agent, task, reason: `the trigger ${name} fired (${on.at})`, trust: "owner" as const }; // an owner or admin put its text in force
      await receiveText(intake, message, why);
      changed();
    },
  };
}

const onSchedule = ({ triggers }: Workspace): (Omit<Trigger, "on"> & { readonly on: Scheduling })[] =>
  triggers.flatMap(({ on, ...trigger }) => ("schedule" in on ? [{ ...trigger, on: on.schedule }] : []));
