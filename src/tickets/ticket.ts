import type { Json } from "#src/kernel/canonical-json.ts";
import type { PrincipalId, ThreadId, TicketId } from "#src/kernel/ids.ts";
import type { Trust } from "#src/policy/trust.ts";

/*
 * How a ticket moves. Every move is one guarded statement: it names the state it leaves.
 *
 *   new ──▶ triaged ──▶ dispatched ──▶ in_review ──▶ resolved
 *              │  ▲          │             │
 *              ▼  │          ▼             ▼
 *        awaiting_human   blocked ◀────────┘        from each but resolved: cancelled
 *
 * An acknowledgement keeps `dispatched`: only a post-condition or a person's word resolves.
 */
export const TICKET_MOVES = {
  new: ["triaged", "awaiting_human", "dispatched", "in_review", "blocked", "resolved", "cancelled"],
  triaged: ["awaiting_human", "dispatched", "in_review", "blocked", "resolved", "cancelled"],
  awaiting_human: ["triaged", "dispatched", "in_review", "blocked", "resolved", "cancelled"],
  dispatched: ["awaiting_human", "in_review", "blocked", "resolved", "cancelled"],
  in_review: ["dispatched", "awaiting_human", "blocked", "resolved", "cancelled"],
  blocked: ["triaged", "awaiting_human", "dispatched", "in_review", "resolved", "cancelled"],
  resolved: [],
  cancelled: [],
} as const satisfies Record<string, readonly string[]>;

export type TicketStatus = keyof typeof TICKET_MOVES;

export interface Triage {
  readonly category: string;
  /** 1 (can wait) to 5 (now). */
  readonly severity: number;
  readonly urgencyMinutes: number;
  readonly risks: readonly string[];
  readonly language: string;
  /** In the language of the workspace; null where no model translated. */
  readonly translation: string | null;
  readonly vendor: string | null;
  /** Dollars; null is unknown. */
  readonly costUsd: number | null;
  readonly etaMinutes: number | null;
  /** `rules`, or the id of the model. */
  readonly by: string;
}

export interface Ticket {
  readonly id: TicketId;
  readonly number: number;
  /** The name that whoever started the work gave it; null: it has none. */
  readonly alias: string | null;
  readonly status: TicketStatus;
  readonly title: string;
  readonly body: string;
  readonly language: string | null;
  readonly source: string;
  readonly sender: string;
  readonly senderPrincipalId: PrincipalId | null;
  readonly trust: Trust;
  readonly threadId: ThreadId | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly agent: string;
  readonly routeReason: string;
  readonly triage: Partial<Triage> | null;
  readonly assignee: string | null;
  /** Goes up with every change; the ETag of the ticket. */
  readonly version: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly resolvedAtMs: number | null;
  readonly resolution: Json | null;
}

export const isClosed = (status: TicketStatus): boolean => TICKET_MOVES[status].length === 0;

/** The states from which this one can be reached. */
export function statesBefore(status: TicketStatus): TicketStatus[] {
  return (Object.keys(TICKET_MOVES) as TicketStatus[]).filter((from) => (TICKET_MOVES[from] as readonly TicketStatus[]).includes(status));
}
