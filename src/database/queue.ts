import { fromKysely, type Job, PgBoss, type ScheduleOptions } from "pg-boss";
import { LoopError } from "#src/kernel/errors.ts";
import type { Log } from "#src/kernel/log.ts";
import type { Db, Transaction } from "./open.ts";
import { type DeadLetter, listDeadLetters } from "./queue-dead-letters.ts";
import { moments } from "./moments.ts";
import { DEAD_LETTER_SETTINGS, DEAD_LETTERS, type QueueName, QUEUES, type QueueRules, settingsOf } from "./queue-names.ts";
import { QUEUE_SCHEMA } from "./queue-schema.ts";

export interface QueueOptions {
  readonly db: Db;
  /** The queue keeps two connections of its own: what it runs may take longer than a transaction of the record, and must not wait behind one. */
  readonly url: string;
  readonly log: Log;
  /** Enqueues what is scheduled, takes back jobs of processes that died, deletes what is done. One process at a time does, whoever else offers it. */
  readonly supervises: boolean;
  /** Default {@link QUEUES}; tests give shorter waits. */
  readonly rules?: Readonly<Record<QueueName, QueueRules>>;
}

export interface QueuedJob<T> {
  readonly id: string;
  readonly data: T;
  /** 1 at the first try. */
  readonly tries: number;
  /** Aborted when the try took too long, when another process has the job, and when this one stops. */
  readonly signal: AbortSignal;
}

/** Gives when the job is done; throws when it is to be tried again. A job may be handled twice: a process can die between the work and its record. */
export type JobHandler<T> = (job: QueuedJob<T>) => Promise<void>;

export interface ScheduleRule {
  /** IANA name. */
  readonly timeZone: string;
  /** What is done for the times at which no server ran: nothing, or one job for the last of them. */
  readonly missed: "skip" | "once";
  readonly data?: object;
  /** Several schedules of one queue have a key each. */
  readonly key?: string;
}

/** A schedule that there is; the queue fires it, whoever asked for it. */
export interface Scheduled extends Pick<ScheduleRule, "timeZone"> {
  readonly key: string;
  readonly when: string;
  readonly missed: string;
}

/** Ordinary jobs: tried again with back-off, and kept as dead letters when they fail for good. All but `start` need a queue that was started. */
export interface Queue {
  /** Part of the caller's transaction: the job exists if and when that commits. Gives the id of the job. */
  enqueue(tx: Db | Transaction, name: QueueName, data: object): Promise<string>;
  /** One job a slot at a time; a slot that finished one takes the next at once, and looks each two seconds when there was none. */
  work<T extends object>(name: QueueName, handler: JobHandler<T>, options: { readonly concurrency: number }): Promise<void>;
  /** `when`: a cron expression, or a recurrence rule (RFC 5545) such as `FREQ=WEEKLY;BYDAY=MO`. Replaces the schedule of this queue and key. @throws LoopError input_invalid */
  schedule(name: QueueName, when: string, rule: ScheduleRule): Promise<void>;
  unschedule(name: QueueName, key?: string): Promise<void>;
  /** The schedules of a queue, as they are kept. */
  scheduled(name: QueueName): Promise<readonly Scheduled[]>;
  /** The moments of a schedule after this one, soonest first. @throws Error where it cannot be read */
  moments(schedule: { readonly at: string; readonly timeZone: string }, after: { readonly fromMs: number; readonly count: number }): readonly number[];
  /** Newest first. */
  deadLetters(limit?: number): Promise<DeadLetter[]>;
  /** Puts it back into its queue as a new job, with all its tries. @throws LoopError dead_letter_unknown */
  redrive(id: string): Promise<void>;
  /** Somebody looked, and it need not be done. @throws LoopError dead_letter_unknown */
  discard(id: string): Promise<void>;
  /** Needs migrated tables. */
  start(): Promise<void>;
  /** Takes no more jobs, gives those that run a while (ten seconds by default, one at least), then aborts them; they are tried again. Safe to call twice. */
  stop(graceMs?: number): Promise<void>;
}

const POLL_SECONDS = 2;
const GRACE_MS = 10_000;
const EACH_MINUTE = 60;
const SELDOM_SECONDS = 3_600;
const CONNECTIONS = 2;
const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/;

export function createQueue(options: QueueOptions): Queue {
  const { db, log } = options;
  const boss = new PgBoss({
    connectionString: options.url,
    application_name: "loopwright jobs",
    max: CONNECTIONS,
    schema: QUEUE_SCHEMA,
    migrate: false,
    createSchema: false,
    supervise: options.supervises,
    schedule: options.supervises,
    monitorIntervalSeconds: EACH_MINUTE,
    maintenanceIntervalSeconds: EACH_MINUTE,
    cronWorkerIntervalSeconds: 15,
    queueCacheIntervalSeconds: SELDOM_SECONDS,
    flowIntervalSeconds: SELDOM_SECONDS, // no job waits for another
  });
  boss.on("error", complainSeldom(options));
  boss.on("warning", ({ message, data }) => log.warn(`job queue: ${message}`, { data }));
  return {
    async enqueue(tx, name, data) {
      const id = await boss.send(name, data, { db: fromKysely(tx) });
      if (id === null) throw new Error(`the queue ${name} swallowed a job`);
      return id;
    },
    work: (name, handler, { concurrency }) => work({ boss, log, rules: rulesOf(options)[name] }, name, { handler: handler as JobHandler<object>, concurrency }),
    schedule: (name, when, rule) => schedule(boss, name, { when, rule }),
    unschedule: (name, key) => boss.unschedule(name, key),
    scheduled: (name) => schedulesOf(boss, name),
    moments,
    deadLetters: (limit) => listDeadLetters(db, limit),
    async redrive(id) {
      if (!UUID.test(id) || (await boss.redrive(DEAD_LETTERS, { ids: [id] })) === 0) throw unknown(id);
    },
    async discard(id) {
      if (!UUID.test(id)) throw unknown(id);
      const deleted = (await boss.deleteJob(DEAD_LETTERS, id)) as { affected?: number };
      if (deleted.affected === 0) throw unknown(id);
    },
    async start() {
      await boss.start();
      await makeQueues(boss, rulesOf(options));
    },
    stop: (graceMs = GRACE_MS) => boss.stop({ graceful: true, timeout: graceMs, close: true }),
  };
}

const rulesOf = ({ rules = QUEUES }: QueueOptions) => rules;

async function makeQueues(boss: PgBoss, rules: Readonly<Record<QueueName, QueueRules>>): Promise<void> {
  const existing = new Map((await boss.getQueues()).map((queue) => [queue.name, queue]));
  const wanted = Object.entries(rules).map(([name, rule]) => ({ name, settings: { ...settingsOf(rule), deadLetter: DEAD_LETTERS } }));
  for (const { name, settings } of [{ name: DEAD_LETTERS, settings: DEAD_LETTER_SETTINGS }, ...wanted]) {
    const found = existing.get(name) as Record<string, unknown> | undefined;
    if (!found) await boss.createQueue(name, settings);
    else if (Object.entries(settings).some(([key, value]) => found[key] !== value)) await boss.updateQueue(name, settings);
  }
}

interface Working {
  readonly boss: PgBoss;
  readonly log: Log;
  readonly rules: QueueRules;
}

/**
 * A worker of pg-boss each slot, which takes one job at a time (a batch would hold its mates back) and settles it with the job that it took, so that a job
 * that another process has by now is left alone. By itself it would look only at the next poll; told that there is news, it looks at once.
 */
async function work(
  { boss, log, rules }: Working,
  name: QueueName,
  { handler, concurrency }: { handler: JobHandler<object>; concurrency: number },
): Promise<void> {
  const slot = async (): Promise<void> => {
    const own: { worker?: string } = {};
    const handle = async ([job]: Job[]): Promise<void> => {
      const tries = job!.retryCount + 1;
      try {
        await handler({ id: job!.id, data: job!.data, tries, signal: job!.signal });
      } catch (error) {
        const facts = { queue: name, job: job!.id, tries, error };
        if (tries > rules.retries) log.error("a job failed for good and is now a dead letter", facts);
        else log.warn("a job failed and is tried again", facts);
        throw error;
      } finally {
        if (own.worker !== undefined) boss.notifyWorker(own.worker);
      }
    };
    own.worker = await boss.work(name, { pollingIntervalSeconds: POLL_SECONDS }, handle);
  };
  for (let made = 0; made < concurrency; made += 1) await slot();
}

async function schedule(boss: PgBoss, name: QueueName, { when, rule }: { when: string; rule: ScheduleRule }): Promise<void> {
  const options: ScheduleOptions = { tz: rule.timeZone, missed: rule.missed, ...(rule.key === undefined ? {} : { key: rule.key }) };
  try {
    boss.previewSchedule(when, { tz: rule.timeZone, count: 1 });
  } catch (cause) {
    throw new LoopError("input_invalid", `The schedule ${JSON.stringify(when)} (${rule.timeZone}) cannot be used: ${(cause as Error).message}`, { cause });
  }
  await boss.schedule(name, when, rule.data ?? {}, options);
}

async function schedulesOf(boss: PgBoss, name: QueueName): Promise<Scheduled[]> {
  const rows = await boss.getSchedules(name);
  return rows.map(({ key, cron, timezone, options }) => ({
    key,
    when: cron,
    timeZone: timezone,
    missed: String((options as { missed?: string } | undefined)?.missed ?? "skip"),
  }));
}

const COMPLAIN_EVERY_MS = 60_000;

/** A database that is away fails each poll of each slot: one line a minute says it. */
function complainSeldom({ log }: QueueOptions): (error: Error) => void {
  let silentUntilMs = 0;
  return (error) => {
    const nowMs = performance.now();
    if (nowMs < silentUntilMs) return;
    silentUntilMs = nowMs + COMPLAIN_EVERY_MS;
    log.warn("the job queue met an error and goes on; more of them in the next minute are not shown", { error });
  };
}

const unknown = (id: string): LoopError =>
  new LoopError("dead_letter_unknown", `There is no dead letter ${JSON.stringify(id.slice(0, 80))}. It may have been redriven or discarded by now.`);
