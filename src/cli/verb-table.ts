import { OTHER_VERBS } from "./other-verb-table.ts";
import type { Verb } from "./verb.ts";

interface Row {
  readonly group: (typeof GROUPS)[number];
  readonly summary: string;
  /** The verb is loaded when it is wanted, and nothing that it needs before. */
  readonly load: () => Promise<Verb>;
}

export const GROUPS = ["Running it", "Work", "Questions", "Knowledge", "Money", "Proof", "Everything else"] as const;

/** Every verb, in the order of `loop help`. A name of two words is typed as two words. */
export const VERBS: Readonly<Record<string, Row>> = {
  up: {
    group: "Running it",
    summary: "Start the server in the background; wait until it is ready.",
    load: async () => (await import("./verbs/server-up.ts")).serverUp,
  },
  serve: { group: "Running it", summary: "Run the server here, until Ctrl-C.", load: async () => (await import("./verbs/server-serve.ts")).serverServe },
  down: {
    group: "Running it",
    summary: "Stop the server; what is open goes on at the next start.",
    load: async () => (await import("./verbs/server-down.ts")).serverDown,
  },
  status: {
    group: "Running it",
    summary: "Show whether the server works, and what needs you.",
    load: async () => (await import("./verbs/server-status.ts")).serverStatus,
  },
  watch: {
    group: "Running it",
    summary: "Watch all of it on one screen, and answer from there.",
    load: async () => (await import("./verbs/loop-watch.ts")).loopWatch,
  },
  doctor: {
    group: "Running it",
    summary: "Look for what is wrong, and say what to do about it.",
    load: async () => (await import("./verbs/server-doctor.ts")).serverDoctor,
  },
  init: { group: "Running it", summary: "Copy a sample workspace into a folder.", load: async () => (await import("./verbs/workspace-init.ts")).workspaceInit },
  apply: {
    group: "Running it",
    summary: "Put the workspace folder in force, changes of power too.",
    load: async () => (await import("./verbs/workspace-apply.ts")).workspaceApply,
  },
  plan: {
    group: "Running it",
    summary: "Show who would gain which power by an apply.",
    load: async () => (await import("./verbs/workspace-plan.ts")).workspacePlan,
  },
  schema: {
    group: "Running it",
    summary: "Print the JSON Schema of a kind of file.",
    load: async () => (await import("./verbs/schema-show.ts")).schemaShow,
  },
  revisions: {
    group: "Running it",
    summary: "List what was in force, newest first.",
    load: async () => (await import("./verbs/revision-list.ts")).revisionList,
  },
  rollback: {
    group: "Running it",
    summary: "Put the files of an older revision in force again.",
    load: async () => (await import("./verbs/revision-rollback.ts")).revisionRollback,
  },
  agents: {
    group: "Running it",
    summary: "List the agents: what each may do, spent and ran.",
    load: async () => (await import("./verbs/agent-list.ts")).agentList,
  },
  agent: { group: "Running it", summary: "Show one agent.", load: async () => (await import("./verbs/agent-list.ts")).agentShow },
  backup: {
    group: "Running it",
    summary: "Write the whole home as of one moment into one file.",
    load: async () => (await import("./verbs/home-backup.ts")).homeBackup,
  },
  restore: { group: "Running it", summary: "Put a backup into an empty home.", load: async () => (await import("./verbs/home-restore.ts")).homeRestore },
  upgrade: {
    group: "Running it",
    summary: "Back up, then bring the tables up to this version.",
    load: async () => (await import("./verbs/home-backup.ts")).homeUpgrade,
  },
  migrate: {
    group: "Running it",
    summary: "Bring the tables of the database up to this version.",
    load: async () => (await import("./verbs/database-migrate.ts")).databaseMigrate,
  },

  send: { group: "Work", summary: "Send a message; it becomes a ticket.", load: async () => (await import("./verbs/ticket-send.ts")).ticketSend },
  chat: { group: "Work", summary: "Talk with an agent.", load: async () => (await import("./verbs/thread-chat.ts")).threadChat },
  tickets: { group: "Work", summary: "List tickets, newest first.", load: async () => (await import("./verbs/ticket-list.ts")).ticketList },
  ticket: { group: "Work", summary: "Tell the story of a ticket.", load: async () => (await import("./verbs/ticket-show.ts")).ticketShow },
  resolve: { group: "Work", summary: "Say that the work on a ticket is done.", load: async () => (await import("./verbs/ticket-resolve.ts")).ticketResolve },
  runs: { group: "Work", summary: "List runs, newest first.", load: async () => (await import("./verbs/run-list.ts")).runList },
  run: { group: "Work", summary: "Show one run: what it thought, did, asked and cost.", load: async () => (await import("./verbs/run-show.ts")).runShow },
  cancel: {
    group: "Work",
    summary: "Stop a run, or give a ticket up. What is done stays done.",
    load: async () => (await import("./verbs/run-cancel.ts")).runCancel,
  },
  pause: { group: "Work", summary: "Hold a run where it is.", load: async () => (await import("./verbs/run-pause.ts")).runPause },
  resume: { group: "Work", summary: "Let a paused run go on.", load: async () => (await import("./verbs/run-pause.ts")).runResume },
  retry: {
    group: "Work",
    summary: "Begin the work of a run that ended again, in a new run.",
    load: async () => (await import("./verbs/run-pause.ts")).runRetry,
  },
  reports: { group: "Work", summary: "List what workers delivered.", load: async () => (await import("./verbs/report-list.ts")).reportList },
  report: { group: "Work", summary: "Show one report, also where its file is gone.", load: async () => (await import("./verbs/report-list.ts")).reportShow },
  feed: { group: "Work", summary: "Show what happens, or what happened.", load: async () => (await import("./verbs/feed-show.ts")).feedShow },

  asks: { group: "Questions", summary: "List what needs a person.", load: async () => (await import("./verbs/ask-list.ts")).askList },
  answer: { group: "Questions", summary: "Answer a question.", load: async () => (await import("./verbs/ask-answer.ts")).askAnswer },
  approve: { group: "Questions", summary: "Let an act happen that waits for you.", load: async () => (await import("./verbs/ask-answer.ts")).askApprove },
  deny: { group: "Questions", summary: "Refuse an act that waits for you.", load: async () => (await import("./verbs/ask-answer.ts")).askDeny },
  edit: {
    group: "Questions",
    summary: "Have an act that waits for you done with other arguments.",
    load: async () => (await import("./verbs/ask-edit.ts")).askEdit,
  },
  ack: { group: "Questions", summary: "Say that a dispatch was received.", load: async () => (await import("./verbs/ask-answer.ts")).askAcknowledge },
  precedent: {
    group: "Questions",
    summary: "Propose that acts like an approved one need nobody.",
    load: async () => (await import("./verbs/precedent-propose.ts")).precedentPropose,
  },
  override: {
    group: "Questions",
    summary: "Decide anew over a settled question, as owner or admin.",
    load: async () => (await import("./verbs/ask-override.ts")).askOverride,
  },

  "brain search": {
    group: "Knowledge",
    summary: "Show what is known that fits a text, with source and score.",
    load: async () => (await import("./verbs/brain-search.ts")).brainSearch,
  },
  "playbook diff": { group: "Knowledge", summary: "Show what the playbook gained.", load: async () => (await import("./verbs/playbook.ts")).playbookDiff },
  "playbook restore": { group: "Knowledge", summary: "Bring an older playbook back.", load: async () => (await import("./verbs/playbook.ts")).playbookRestore },
  "memory list": {
    group: "Knowledge",
    summary: "List what agents remember.",
    load: async () => (await import("./verbs/memory-list.ts")).memoryList,
  },
  "memory why": {
    group: "Knowledge",
    summary: "Show where a memory came from, and who was told it.",
    load: async () => (await import("./verbs/memory-list.ts")).memoryWhy,
  },
  "memory forget": {
    group: "Knowledge",
    summary: "Delete a memory for good.",
    load: async () => (await import("./verbs/memory-list.ts")).memoryForget,
  },
  "memory export": {
    group: "Knowledge",
    summary: "Write what agents remember to a file.",
    load: async () => (await import("./verbs/memory-list.ts")).memoryExport,
  },
  skills: { group: "Knowledge", summary: "List the skills in force.", load: async () => (await import("./verbs/skill-list.ts")).skillList },
  proposals: {
    group: "Knowledge",
    summary: "List changes that wait for a review.",
    load: async () => (await import("./verbs/proposal-review.ts")).proposalList,
  },
  accept: { group: "Knowledge", summary: "Accept a proposal.", load: async () => (await import("./verbs/proposal-review.ts")).proposalAccept },
  reject: { group: "Knowledge", summary: "Reject a proposal.", load: async () => (await import("./verbs/proposal-review.ts")).proposalReject },
  propose: {
    group: "Knowledge",
    summary: "Propose a stricter rule because of a ticket.",
    load: async () => (await import("./verbs/rule-propose.ts")).rulePropose,
  },

  usage: {
    group: "Money",
    summary: "Show how models were used, how fast, how often in vain.",
    load: async () => (await import("./verbs/usage-show.ts")).usageShow,
  },
  cost: { group: "Money", summary: "Show what was spent.", load: async () => (await import("./verbs/cost-show.ts")).costShow },
  budgets: { group: "Money", summary: "Show what is left of every budget.", load: async () => (await import("./verbs/budget-list.ts")).budgetList },
  raise: {
    group: "Money",
    summary: "Grant a budget more for its present period.",
    load: async () => (await import("./verbs/budget-list.ts")).budgetRaise,
  },

  "audit export": {
    group: "Proof",
    summary: "Write the journal to a file that anyone can verify.",
    load: async () => (await import("./verbs/audit-export.ts")).auditExport,
  },
  "audit key": {
    group: "Proof",
    summary: "Print the public key that this home signs with.",
    load: async () => (await import("./verbs/audit-key.ts")).auditKey,
  },
  "audit verify": {
    group: "Proof",
    summary: "Verify an exported journal. No server, no network.",
    load: async () => (await import("./verbs/audit-verify.ts")).auditVerify,
  },
  "receipt show": {
    group: "Proof",
    summary: "Show or save the signed receipt of a ticket.",
    load: async () => (await import("./verbs/receipt-show.ts")).receiptShow,
  },
  "receipt verify": {
    group: "Proof",
    summary: "Verify a receipt. No server, no network.",
    load: async () => (await import("./verbs/receipt-verify.ts")).receiptVerify,
  },

  ...OTHER_VERBS,
};

/** The verb that these arguments begin with, and what comes after it. Undefined: there is none. */
export function findVerb(args: readonly string[]): { readonly name: string; readonly row: Row; readonly rest: readonly string[] } | undefined {
  for (const words of [2, 1]) {
    const name = args.slice(0, words).join(" ");
    if (args.length >= words && Object.hasOwn(VERBS, name)) return { name, row: VERBS[name]!, rest: args.slice(words) };
  }
  return undefined;
}
