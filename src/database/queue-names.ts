/** The ordinary jobs. Runs are none of them: a run is its own lease (leases/). */
export type QueueName = "callback" | "trigger" | "learn" | "embed" | "backup" | "retention";

/** Where a job comes to lie that failed for good; nothing works on it, and it stays until a person redrives or discards it. */
export const DEAD_LETTERS = "dead_letters";

export interface QueueRules {
  /** Tries after the first. */
  readonly retries: number;
  /** Before the first retry; doubled each time, with jitter. 0: at once, and again at once. */
  readonly firstRetrySeconds: number;
  readonly longestRetrySeconds: number;
  /** A try that takes longer is given up; its signal is aborted. */
  readonly longestTrySeconds: number;
}

export const QUEUES: Readonly<Record<QueueName, QueueRules>> = {
  /** A trigger fired: a ticket and a run. A full disk may take hours to be freed. */
  trigger: { retries: 20, firstRetrySeconds: 5, longestRetrySeconds: 600, longestTrySeconds: 60 },
  /** A run ended: lessons, drafts of skills. */
  learn: { retries: 5, firstRetrySeconds: 5, longestRetrySeconds: 600, longestTrySeconds: 900 },
  /** Whoever wants a result may be away for some hours. */
  callback: { retries: 12, firstRetrySeconds: 5, longestRetrySeconds: 3_600, longestTrySeconds: 60 },
  /** The embedder may be away for hours. */
  embed: { retries: 10, firstRetrySeconds: 15, longestRetrySeconds: 3_600, longestTrySeconds: 1_800 },
  backup: { retries: 2, firstRetrySeconds: 300, longestRetrySeconds: 1_800, longestTrySeconds: 21_600 },
  retention: { retries: 3, firstRetrySeconds: 60, longestRetrySeconds: 600, longestTrySeconds: 3_600 },
};

const TEN_YEARS_SECONDS = 315_360_000;
const KEPT_WHEN_DONE_SECONDS = 60; // 300,000 kept jobs cost 16 % of a core
/** A try whose process is gone is noticed after this long, and looked for each minute. */
const HEARTBEAT_SECONDS = 60;

/** The same in the words of pg-boss. `notify` stays off: it would send NOTIFY inside the transaction that enqueues. */
export const settingsOf = (rules: QueueRules) => ({
  retryLimit: rules.retries,
  retryDelay: rules.firstRetrySeconds,
  retryBackoff: rules.firstRetrySeconds > 0,
  ...(rules.firstRetrySeconds > 0 ? { retryDelayMax: rules.longestRetrySeconds } : {}),
  expireInSeconds: rules.longestTrySeconds,
  heartbeatSeconds: HEARTBEAT_SECONDS,
  deleteAfterSeconds: KEPT_WHEN_DONE_SECONDS,
  retentionSeconds: TEN_YEARS_SECONDS,
  notify: false,
});

export const DEAD_LETTER_SETTINGS = { retryLimit: 0, retentionSeconds: TEN_YEARS_SECONDS, deleteAfterSeconds: TEN_YEARS_SECONDS, notify: false };
