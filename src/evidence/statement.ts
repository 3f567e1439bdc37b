import type { Act } from "#src/acts/act.ts";
import type { Ask } from "#src/asks/ask.ts";
import type { PackInput } from "./pack.ts";
import { PREDICATE_TYPE, type ReceiptAct, type ReceiptApproval, type ReceiptStatement, STATEMENT_TYPE } from "./receipt.ts";

/** What the receipt of a run says: a statement about its pack, named by digest. */
export function statementOf(input: PackInput, packDigest: string): ReceiptStatement {
  const { run, ticket, ending } = input;
  return {
    _type: STATEMENT_TYPE,
    subject: [{ name: `pack:${run.id}`, digest: { sha256: packDigest } }],
    predicateType: PREDICATE_TYPE,
    predicate: {
      workspace: input.workspace,
      run: run.id,
      ticket: ticket?.id ?? null,
      agent: run.agent,
      runner: run.runner,
      models: [...new Set(input.messages.filter((message) => message.role === "thought").map((message) => message.source))],
      policyRevision: input.policyRevision,
      at: new Date(input.endedAtMs).toISOString(),
      state: ending.state,
      approvals: input.asks.flatMap(approvalsOf),
      acts: input.acts.map(actOf),
      checks: input.acts.filter((act) => act.kind === "check" && act.state === "done").map(checkOf),
      cost: costOf(input),
      said: ending.said,
      checked: ending.checked,
      sandbox: input.sandbox,
    },
  };
}

/** The decisions that counted for an approval that was given or refused. */
function approvalsOf(ask: Ask): ReceiptApproval[] {
  if (ask.kind !== "approval" || ask.state !== "answered") return [];
  return ask.decisions
    .filter((decision) => decision.kind !== "late" && decision.answer === ask.answer)
    .map((decision) => ({ ask: ask.id, by: decision.handle, role: null, answer: decision.answer, binding: ask.binding ?? "", rule: ask.rule }));
}

function actOf(act: Act): ReceiptAct {
  const decision = act.decision as { outcome?: "allow" | "ask" | "deny"; rule?: string; ask?: string } | null;
  return {
    id: act.id,
    kind: act.kind,
    name: act.name,
    binding: act.binding,
    decision: decision?.outcome ?? null,
    rule: decision?.rule ?? null,
    ask: decision?.outcome === "ask" ? (decision.ask ?? act.askId) : null,
    intent: act.attempts > 0 ? `${act.id}/${act.attempts}` : null,
    outcome: act.state === "started" ? "unknown" : act.state,
  };
}

const VERDICTS = ["passed", "failed", "unchecked", "unreadable"] as const;

function checkOf(act: Act) {
  const result = act.result as { command?: string[]; exitCode?: number | null; verdict?: string } | null;
  return {
    what: act.name,
    command: result?.command ?? null,
    exitCode: result?.exitCode ?? null,
    verdict: VERDICTS.find((verdict) => verdict === result?.verdict) ?? "unreadable",
  };
}

/** With one call of unknown cost the sum is unknown. */
function costOf({ cost }: PackInput): ReceiptStatement["predicate"]["cost"] {
  if (cost.unknownCalls > 0) return { usd: null, source: null };
  return { usd: cost.costNanos / 1e9, source: cost.estimatedCalls > 0 ? "estimated" : "measured" };
}
