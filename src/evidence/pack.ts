import type { Act } from "#src/acts/act.ts";
import type { Ask } from "#src/asks/ask.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Ticket } from "#src/tickets/ticket.ts";

/** What is known of a run when it ends; the pack is made of this and nothing else. */
export interface PackInput {
  readonly workspace: string;
  readonly host: string;
  readonly policyRevision: number;
  readonly sandbox: "required" | "off";
  /** Tool servers whose programs run as they are, called or not. */
  readonly unconfined: readonly string[];
  readonly run: {
    readonly id: string;
    readonly agent: string;
    readonly runner: string;
    readonly procedure: string;
    readonly attempt: number;
    readonly revision: number;
    readonly turns: number;
    readonly createdAtMs: number;
  };
  readonly ticket: Ticket | null;
  readonly acts: readonly Act[];
  readonly asks: readonly Ask[];
  readonly messages: readonly { readonly role: string; readonly name: string | null; readonly source: string; readonly content: Json }[];
  readonly cost: PackCost;
  readonly ending: {
    readonly state: "done" | "failed" | "interrupted";
    readonly said: string;
    readonly checked: "passed" | "failed" | "unchecked" | "unreadable" | "none";
    readonly code?: string;
  };
  readonly endedAtMs: number;
}

/** Whole nano-dollars. With unknown calls the total is unknown, and these are what is known of it. */
export interface PackCost {
  readonly calls: number;
  readonly costNanos: number;
  readonly listNanos: number;
  readonly unknownCalls: number;
  /** Calls whose outcome was lost, and that count with their reservation. */
  readonly estimatedCalls: number;
}

/** Everything that a run produced and everything that was checked; failed runs have one too. Plain JSON: its canonical digest is what the receipt signs. */
export interface Pack {
  readonly version: 1;
  readonly workspace: string;
  readonly host: string;
  readonly sandbox: "required" | "off";
  readonly policyRevision: number;
  readonly run: PackInput["run"] & { readonly state: PackInput["ending"]["state"]; readonly endedAtMs: number };
  readonly ticket: {
    readonly id: string;
    readonly number: number;
    readonly title: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly triage: Json;
  } | null;
  /** What the run meant to do, in order, and what became of each. */
  readonly plan: readonly {
    readonly act: string;
    readonly kind: string;
    readonly name: string;
    readonly effect: string;
    readonly state: string;
    readonly binding: string;
    readonly attempts: number;
  }[];
  /** What changed outside. */
  readonly touched: readonly { readonly act: string; readonly kind: string; readonly name: string; readonly key: string; readonly result: Json }[];
  readonly checks: readonly PackCheck[];
  readonly risks: readonly string[];
  /** Asks that were open when it ended, and effects that nobody knows. */
  readonly openQuestions: readonly string[];
  /** What it knew: each item with source, score and why. */
  readonly brain: readonly Json[];
  /** What it remembered from before: each with source, trust and why, never the words, which can be forgotten. */
  readonly recalled: readonly Json[];
  readonly decisions: readonly { readonly act: string; readonly decision: Json }[];
  readonly approvals: readonly PackApproval[];
  readonly thoughtBy: readonly string[];
  readonly cost: PackCost;
  /** What the agent claims, and what the system verified. */
  readonly said: string;
  readonly checked: string;
}

export interface PackCheck {
  readonly act: string;
  readonly what: string;
  readonly command: readonly string[] | null;
  readonly exitCode: number | null;
  readonly verdict: string;
  readonly sandbox: string | null;
}

export interface PackApproval {
  readonly ask: string;
  readonly act: string;
  readonly rule: string | null;
  readonly answer: string;
  readonly by: readonly { readonly person: string; readonly answer: string; readonly face: string; readonly kind: string }[];
  readonly binding: string;
}

export function buildPack(input: PackInput): Pack {
  const { run, ticket, acts, asks, ending } = input;
  return {
    version: 1,
    workspace: input.workspace,
    host: input.host,
    sandbox: input.sandbox,
    policyRevision: input.policyRevision,
    run: {
      id: run.id,
      agent: run.agent,
      runner: run.runner,
      procedure: run.procedure,
      attempt: run.attempt,
      revision: run.revision,
      turns: run.turns,
      createdAtMs: run.createdAtMs,
      state: ending.state,
      endedAtMs: input.endedAtMs,
    },
    ticket: ticket && { id: ticket.id, number: ticket.number, title: ticket.title, labels: ticket.labels, triage: ticket.triage },
    plan: acts.map((act) => ({
      act: act.id,
      kind: act.kind,
      name: act.name,
      effect: act.effect,
      state: act.state,
      binding: act.binding,
      attempts: act.attempts,
    })),
    touched: acts.filter(isTouching).map((act) => ({ act: act.id, kind: act.kind, name: act.name, key: act.key, result: act.result })),
    checks: acts.filter((act) => act.kind === "check" && act.state === "done").map(checkOf),
    risks: [...(ticket?.triage?.risks ?? []), ...unconfinedIn(input)],
    openQuestions: [
      ...asks.filter((ask) => ask.state === "open").map((ask) => ask.prompt),
      ...acts.filter((act) => act.state === "unknown").map((act) => `Did this happen: ${act.kind} ${act.name}?`),
    ],
    brain: acts.filter((act) => act.name === "brain.search" && act.state === "done").flatMap(hitsOf),
    recalled: acts.filter((act) => act.name === "memory.recall" && act.state === "done").flatMap(recalledOf),
    decisions: acts.filter((act) => act.decision !== null).map((act) => ({ act: act.id, decision: act.decision })),
    approvals: asks.filter((ask) => ask.kind === "approval" && ask.state === "answered").map(approvalOf),
    thoughtBy: [...new Set(input.messages.filter((message) => message.role === "thought").map((message) => message.source))],
    cost: input.cost,
    said: ending.said,
    checked: ending.checked,
  };
}

/** Of the servers that this run called. */
function unconfinedIn({ acts, unconfined }: PackInput): string[] {
  const called = new Set(acts.filter((act) => act.attempts > 0).map((act) => act.name.split(".", 1)[0]));
  return unconfined.filter((server) => called.has(server)).map((server) => `the program of the tool server ${server} ran without a sandbox`);
}

const isTouching = (act: Act): boolean => act.effect !== "read" && (act.state === "done" || act.state === "unknown");

function checkOf(act: Act): PackCheck {
  const result = act.result as { command?: string[]; exitCode?: number | null; verdict?: string; sandbox?: string } | null;
  return {
    act: act.id,
    what: act.name,
    command: result?.command ?? null,
    exitCode: result?.exitCode ?? null,
    verdict: result?.verdict ?? "unreadable",
    sandbox: result?.sandbox ?? null,
  };
}

function hitsOf(act: Act): Json[] {
  const hits = (act.result as { hits?: Json[] } | null)?.hits ?? [];
  return hits.map((hit) => {
    const { id, layer, title, source, score, why, trust } = hit as { [key: string]: Json };
    return { id: id ?? null, layer: layer ?? null, title: title ?? null, source: source ?? null, score: score ?? null, why: why ?? null, trust: trust ?? null };
  });
}

function recalledOf(act: Act): Json[] {
  const memories = (act.result as { memories?: { [key: string]: Json }[] } | null)?.memories ?? [];
  return memories.map(({ id, kind, source, trust, score, why }) => ({
    act: act.id,
    id: id ?? null,
    kind: kind ?? null,
    source: source ?? null,
    trust: trust ?? null,
    score: score ?? null,
    why: why ?? null,
  }));
}

function approvalOf(ask: Ask): PackApproval {
  const by = ask.decisions.map((decision) => ({ person: decision.handle, answer: decision.answer, face: decision.face, kind: decision.kind }));
  return { ask: ask.id, act: ask.actId ?? "", rule: ask.rule, answer: ask.answer ?? "", by, binding: ask.binding ?? "" };
}
