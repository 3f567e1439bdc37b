/*
 * What the API says, as far as the command line reads it: types only, so that they cost nothing. The HTTP face is where they come from.
 */

export interface TriageShape {
  readonly category?: string;
  readonly severity?: number;
  readonly urgencyMinutes?: number;
  readonly risks?: readonly string[];
  readonly language?: string;
  readonly translation?: string | null;
  readonly vendor?: string | null;
  readonly costUsd?: number | null;
  readonly etaMinutes?: number | null;
  readonly by?: string;
}

export interface TicketShape {
  readonly id: string;
  readonly number: number;
  readonly status: string;
  readonly title: string;
  readonly body: string;
  readonly language: string | null;
  readonly source: string;
  readonly sender: string;
  readonly trust: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly agent: string;
  readonly routeReason: string;
  readonly triage: TriageShape | null;
  readonly assignee: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly resolvedAt: string | null;
  readonly resolution: unknown;
}

export interface DecisionShape {
  readonly handle: string;
  readonly answer: string;
  readonly reason: string | null;
  readonly face: string;
  readonly kind: "decision" | "late" | "override";
  readonly at: string;
}

export interface CopyShape {
  readonly to: string;
  readonly surface: string;
  readonly what: "ask" | "reminder";
  readonly state: "waiting" | "delivered" | "not_delivered" | "not_sent";
  readonly error: string | null;
  readonly deliveredAt: string | null;
  readonly nextTryAt: string | null;
}

export interface AskShape {
  readonly id: string;
  readonly alias: string | null;
  readonly kind: "question" | "choice" | "approval" | "acknowledgement";
  readonly state: "open" | "answered" | "expired" | "cancelled";
  readonly stranded: boolean;
  readonly purpose: string;
  readonly runId: string | null;
  readonly actId: string | null;
  readonly ticketId: string | null;
  readonly prompt: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly options: readonly string[];
  readonly approvers: {
    readonly roles: readonly string[];
    readonly names: readonly string[];
    readonly groups?: readonly string[];
    readonly agents?: readonly string[];
    readonly reporter?: string;
  };
  readonly quorum: number;
  readonly rule: string | null;
  readonly expiry: readonly {
    readonly afterMs: number;
    readonly do: string;
    readonly to?: { readonly roles?: readonly string[]; readonly names?: readonly string[] };
  }[];
  readonly answer: string | null;
  readonly settledBy: string | null;
  readonly createdAt: string;
  readonly settledAt: string | null;
  readonly nextStepAt: string | null;
  readonly decisions: readonly DecisionShape[];
  readonly copies: readonly CopyShape[];
  readonly yours: boolean;
}

export interface RunShape {
  readonly id: string;
  readonly ticketId: string | null;
  readonly agent: string;
  readonly runner: string;
  readonly procedure: string;
  readonly state: string;
  readonly reason: string | null;
  readonly attempt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly brief?: unknown;
  readonly revision: number;
  readonly turns: number;
  readonly createdAt: string;
  readonly endedAt: string | null;
}

export interface ActShape {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly effect: string;
  readonly state: string;
  readonly args: unknown;
  readonly askId?: string | null;
  readonly decision: unknown;
  readonly result: unknown;
  readonly error: { readonly code: string; readonly message: string; readonly retryAtMs?: number | null } | null;
  readonly attempts: number;
}

export interface MessageShape {
  readonly seq: number;
  readonly role: string;
  readonly name: string | null;
  readonly source: string;
  readonly content: unknown;
}

export interface TotalsShape {
  readonly calls: number;
  readonly openCalls: number;
  readonly costNanos: number;
  readonly unknownCalls: number;
  readonly listNanos: number;
  readonly estimatedCalls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface CostGroupShape extends TotalsShape {
  readonly key: string | null;
  readonly tiers: Readonly<Record<string, TotalsShape>>;
}

export interface RunDetailShape extends RunShape {
  readonly acts: readonly ActShape[];
  readonly messages: readonly MessageShape[];
  readonly asks: readonly AskShape[];
  readonly costs: CostGroupShape | null;
}

export interface BudgetShape {
  readonly budget: string;
  readonly subject: string;
  readonly period: string;
  readonly onReach: "block" | "pause" | "warn";
  readonly raisedNanos: number;
  readonly raisedTokens: number;
  readonly resetsAt: string | null;
  readonly capNanos: number | null;
  readonly spentNanos: number;
  readonly reservedNanos: number;
  readonly leftNanos: number | null;
  readonly capTokens: number | null;
  readonly spentTokens: number;
  readonly leftTokens: number | null;
  readonly unknownCalls: number;
}

export interface HitShape {
  readonly id: string;
  readonly layer: string;
  readonly title: string;
  readonly snippet: string;
  readonly source: string;
  readonly score: number;
  readonly why: string;
  readonly trust: string;
}

export interface EventShape {
  readonly position: number;
  readonly kind: string;
  readonly at: string;
  readonly actor: string;
  readonly runId: string | null;
  readonly ticketId: string | null;
  readonly payload?: unknown;
  readonly erased?: true;
}

/** A piece of what a model is saying; `begins`: what was shown of this act before does not count any more. */
export interface LiveShape {
  readonly act: string;
  readonly text?: string;
  readonly begins?: boolean;
  readonly ends?: true;
}

export interface ReceiptShape {
  readonly runId: string;
  readonly ticketId: string | null;
  readonly digest: string;
  readonly at: string;
  readonly pack: unknown;
  readonly envelope: string;
}

export interface SkillShape {
  readonly name: string;
  readonly description: string;
  readonly source: string;
  readonly category: string | null;
}

export interface ReadyShape {
  readonly ok: boolean;
  readonly version: string;
  readonly degraded?: string;
  readonly parts?: Readonly<Record<string, string>>;
}

export interface ExplanationShape {
  readonly decision: { readonly outcome: string; readonly rule: string; readonly why: string; readonly matched: readonly string[] };
  readonly rules: readonly { readonly rule: string; readonly source: string; readonly outcome: string; readonly matched: boolean; readonly because: string }[];
}

export interface TokenShape {
  readonly id: string;
  readonly handle: string;
  readonly label: string;
  readonly scopes: readonly string[];
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
}

export interface ProposalShape {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly title: string;
  readonly reason: string;
  readonly files?: readonly { readonly path: string; readonly text: string; readonly base: string | null }[];
  readonly test?: unknown;
  readonly author: string;
  readonly createdAt: string;
  readonly decidedBy: string | null;
  readonly repository?: string | null;
}

export interface PersonShape {
  readonly handle: string;
  readonly displayName: string;
  readonly roles: readonly string[];
  readonly looksAfter: Readonly<Record<string, readonly string[]>>;
  readonly source: string;
  readonly disabledAt: string | null;
}

export interface ToolShape {
  readonly name: string;
  readonly server: string | null;
  readonly effect: string | null;
  readonly risk: string | null;
  readonly outbound: boolean | null;
  readonly private: boolean | null;
  readonly sandbox: "on" | "network" | "off" | null;
  readonly state: "on" | "off";
  readonly why: string | null;
  readonly agents: readonly string[];
}

interface DefinitionShape {
  readonly digest: string;
  readonly definition: unknown;
}

export interface ToolDefinitionShape {
  readonly name: string;
  readonly approved: DefinitionShape | null;
  readonly now: DefinitionShape | null;
}
