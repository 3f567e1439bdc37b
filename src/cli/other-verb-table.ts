import type { Verb } from "./verb.ts";

interface Row {
  readonly group: "Everything else";
  readonly summary: string;
  readonly load: () => Promise<Verb>;
}

/** The end of the table in verb-table.ts. */
export const OTHER_VERBS: Readonly<Record<string, Row>> = {
  tools: {
    group: "Everything else",
    summary: "List tools: what each does, if it is on, who may call it.",
    load: async () => (await import("./verbs/tool-list.ts")).toolList,
  },
  "tools call": {
    group: "Everything else",
    summary: "Call one tool, under the policy of an agent.",
    load: async () => (await import("./verbs/tool-call.ts")).toolCall,
  },
  "tools diff": {
    group: "Everything else",
    summary: "Show a tool as it was approved and as it is now.",
    load: async () => (await import("./verbs/tool-definition.ts")).toolDiff,
  },
  "tools approve": {
    group: "Everything else",
    summary: "Let a tool be used as its server describes it now.",
    load: async () => (await import("./verbs/tool-definition.ts")).toolApprove,
  },
  "tools login": {
    group: "Everything else",
    summary: "Log in to a tool server that wants a person.",
    load: async () => (await import("./verbs/tool-login.ts")).toolLogin,
  },
  "policy explain": {
    group: "Everything else",
    summary: "Say what policy would decide about an act, and why.",
    load: async () => (await import("./verbs/policy-explain.ts")).policyExplain,
  },
  "jobs list": { group: "Everything else", summary: "List jobs that failed for good.", load: async () => (await import("./verbs/job-list.ts")).jobList },
  "jobs redrive": {
    group: "Everything else",
    summary: "Try a job that failed for good again.",
    load: async () => (await import("./verbs/job-list.ts")).jobRedrive,
  },
  "jobs discard": {
    group: "Everything else",
    summary: "Let a job that failed for good be.",
    load: async () => (await import("./verbs/job-list.ts")).jobDiscard,
  },
  "secrets list": {
    group: "Everything else",
    summary: "List the names of sealed secrets.",
    load: async () => (await import("./verbs/secret-manage.ts")).secretList,
  },
  "secrets set": {
    group: "Everything else",
    summary: "Seal a secret; its value is read from standard input.",
    load: async () => (await import("./verbs/secret-manage.ts")).secretSet,
  },
  "secrets rotate": {
    group: "Everything else",
    summary: "Replace the value of a secret that there is.",
    load: async () => (await import("./verbs/secret-manage.ts")).secretRotate,
  },
  "secrets rm": { group: "Everything else", summary: "Remove a secret.", load: async () => (await import("./verbs/secret-manage.ts")).secretRemove },
  people: {
    group: "Everything else",
    summary: "List who may act, and what each looks after.",
    load: async () => (await import("./verbs/people-list.ts")).peopleList,
  },
  "token list": {
    group: "Everything else",
    summary: "List tokens, without their values.",
    load: async () => (await import("./verbs/token-manage.ts")).tokenList,
  },
  "token create": {
    group: "Everything else",
    summary: "Make a token for a program or a person.",
    load: async () => (await import("./verbs/token-manage.ts")).tokenCreate,
  },
  "token revoke": {
    group: "Everything else",
    summary: "Revoke a token, from now on.",
    load: async () => (await import("./verbs/token-manage.ts")).tokenRevoke,
  },
  completion: {
    group: "Everything else",
    summary: "Print completion for bash, zsh or fish.",
    load: async () => (await import("./verbs/completion-script.ts")).completionScript,
  },
  version: { group: "Everything else", summary: "Print the version.", load: async () => (await import("./verbs/version-show.ts")).versionShow },
  help: { group: "Everything else", summary: "Show this, or the help of a verb.", load: async () => (await import("./verbs/help-show.ts")).helpShow },
};
