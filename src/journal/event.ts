import { canonicalJson, type Json, sha256 } from "#src/kernel/canonical-json.ts";
import type { RunId, TicketId } from "#src/kernel/ids.ts";

/** Something that happened. */
export interface NewEvent {
  /** `noun.verb`, in the past: `ask.answered`. */
  readonly kind: string;
  /** A principal id, `system`, or `agent:<name>`. */
  readonly actor: string;
  readonly runId?: RunId;
  readonly ticketId?: TicketId;
  /** What it said. Lies apart from the chain and may be erased; never a secret. */
  readonly payload?: Json;
  /** What the payload is erased with; the ticket, else the run, else `workspace`. */
  readonly scope?: string;
  readonly expiresAtMs?: number;
}

/** What the chain covers of an event. The digest stands for the payload, so that an erased payload leaves the chain whole. */
export interface EventHead {
  readonly v: 1;
  readonly kind: string;
  /** ISO 8601 in UTC, with milliseconds. It says when; it never says in which order. */
  readonly at: string;
  readonly actor: string;
  readonly runId?: string;
  readonly ticketId?: string;
  /** SHA-256 of the payload's canonical form, in hex; null when there was none. */
  readonly payload: string | null;
}

/** The values of one event's rows. */
export interface PreparedEvent {
  readonly kind: string;
  readonly at: string;
  readonly actor: string;
  readonly runId: string | null;
  readonly ticketId: string | null;
  /** Canonical JSON of an {@link EventHead}: the exact bytes that are hashed. */
  readonly head: string;
  /** Canonical JSON of the payload. */
  readonly body: string | null;
  readonly scope: string;
  readonly expiresAt: string | null;
}

/** @throws TypeError when the payload has no canonical form (NaN, a lone surrogate) */
export function prepareEvent(event: NewEvent, atMs: number): PreparedEvent {
  const body = event.payload === undefined ? null : canonicalJson(event.payload);
  const at = new Date(atMs).toISOString();
  const { kind, actor, runId, ticketId } = event;
  const head = { v: 1, kind, at, actor, runId, ticketId, payload: body === null ? null : sha256(body) };
  return {
    kind,
    at,
    actor,
    runId: runId ?? null,
    ticketId: ticketId ?? null,
    head: canonicalJson(head),
    body,
    scope: event.scope ?? ticketId ?? runId ?? "workspace",
    expiresAt: event.expiresAtMs === undefined ? null : new Date(event.expiresAtMs).toISOString(),
  };
}
