import type { Verb } from "./verb.ts";

interface Row {
  readonly summary: string;
  readonly load: () => Promise<Verb>;
}

/** The verbs of `loop _`, by which agents and workers speak: the same contract as `/v1/loop`. A name of two words is typed as two words. */
export const LOOP_VERBS: Readonly<Record<string, Row>> = {
  state: { summary: "Show the world as it is now.", load: async () => (await import("./loop-verbs/world.ts")).state },
  wait: { summary: "Wait until an ask is open or the world moves.", load: async () => (await import("./loop-verbs/world.ts")).wait },
  "goal write": { summary: "Write a goal.", load: async () => (await import("./loop-verbs/direction.ts")).goalWrite },
  "goal archive": { summary: "Put a goal away.", load: async () => (await import("./loop-verbs/direction.ts")).goalArchive },
  "playbook write": { summary: "Write the playbook.", load: async () => (await import("./loop-verbs/direction.ts")).playbookWrite },
  "sensor write": { summary: "Propose a sensor.", load: async () => (await import("./loop-verbs/direction.ts")).sensorWrite },
  run: { summary: "Run one command, through the gate.", load: async () => (await import("./loop-verbs/run.ts")).run },
  notify: { summary: "Tell the owners something.", load: async () => (await import("./loop-verbs/notify.ts")).notify },
  "schedule write": { summary: "Set when to be woken.", load: async () => (await import("./loop-verbs/schedule.ts")).scheduleWrite },
  "schedule rm": { summary: "Take a schedule away.", load: async () => (await import("./loop-verbs/schedule.ts")).scheduleRemove },
  "schedule list": { summary: "List the schedules.", load: async () => (await import("./loop-verbs/schedule.ts")).scheduleList },
  journal: { summary: "Print the last lines of the journal.", load: async () => (await import("./loop-verbs/journal.ts")).journal },
  "journal write": { summary: "Write a line into the journal.", load: async () => (await import("./loop-verbs/journal.ts")).journalWrite },
  "report list": { summary: "List what workers delivered.", load: async () => (await import("./verbs/report-list.ts")).loopReportList },
  "report show": { summary: "Print one report.", load: async () => (await import("./verbs/report-list.ts")).loopReportShow },
  claim: { summary: "Take a lease on a name.", load: async () => (await import("./loop-verbs/claim.ts")).claim },
  unclaim: { summary: "Give a name back.", load: async () => (await import("./loop-verbs/claim.ts")).unclaim },
  ask: { summary: "Ask, and wait for the answer.", load: async () => (await import("./loop-verbs/ask.ts")).ask },
  answer: { summary: "Answer an ask.", load: async () => (await import("./loop-verbs/answer.ts")).answer },
  asks: { summary: "List what waits for an answer.", load: async () => (await import("./loop-verbs/answer.ts")).asks },
  tell: { summary: "Leave a message for a worker.", load: async () => (await import("./loop-verbs/mailbox.ts")).tell },
  told: { summary: "What this worker was told.", load: async () => (await import("./loop-verbs/mailbox.ts")).told },
  cost: { summary: "Say what was spent.", load: async () => (await import("./loop-verbs/mailbox.ts")).cost },
  "worker start": { summary: "Start a worker.", load: async () => (await import("./loop-verbs/worker.ts")).workerStart },
  "worker kill": { summary: "End a worker.", load: async () => (await import("./loop-verbs/worker.ts")).workerKill },
  kill: { summary: "End a worker, or yourself.", load: async () => (await import("./loop-verbs/worker.ts")).workerKill },
  "worker list": { summary: "List the workers.", load: async () => (await import("./loop-verbs/worker.ts")).workerList },
  "worker log": { summary: "Show what a worker printed.", load: async () => (await import("./loop-verbs/worker.ts")).workerLog },
  "worker screenshot": { summary: "Show the terminal of a worker.", load: async () => (await import("./loop-verbs/worker.ts")).workerScreenshot },
};

/** What `loop _`, and `loop _ help`, say: no verb of the contract, since nothing is asked of the server. */
const HELP: Row = { summary: "Say how to work by these verbs.", load: async () => (await import("./loop-verbs/contract-show.ts")).contractShow };

/** The verb that these arguments, after `_`, begin with, and what comes after it. */
export function findLoopVerb(args: readonly string[]): { readonly name: string; readonly row: Row; readonly rest: readonly string[] } | undefined {
  const [first = "help"] = args;
  if (first === "help" || first === "--help" || first === "-h") return { name: "_ help", row: HELP, rest: args.slice(1) };
  if (first === "--json") return { name: "_ help", row: HELP, rest: args };
  for (const words of [2, 1]) {
    const name = args.slice(0, words).join(" ");
    if (args.length >= words && Object.hasOwn(LOOP_VERBS, name)) return { name: `_ ${name}`, row: LOOP_VERBS[name]!, rest: args.slice(words) };
  }
  return undefined;
}
