import { z } from "zod";
import { type Ticket, TICKET_MOVES, type TicketStatus } from "#src/tickets/ticket.ts";
import { isoOf, isoOrNull } from "./query.ts";

export const TICKET_STATUSES = Object.keys(TICKET_MOVES) as [TicketStatus, ...TicketStatus[]];

const labels = z.record(z.string(), z.string());

const triageView = z
  .object({
    category: z.string(),
    severity: z.int().describe("1 (can wait) to 5 (now)"),
    urgencyMinutes: z.number(),
    risks: z.array(z.string()).readonly(),
    language: z.string(),
    translation: z.string().nullable().describe("null: no model translated"),
    vendor: z.string().nullable(),
    costUsd: z.number().nullable().describe("null: unknown"),
    etaMinutes: z.number().nullable(),
    by: z.string().describe("`rules`, or the id of the model"),
  })
  .partial();

export const ticketView = z
  .object({
    id: z.string(),
    number: z.int(),
    alias: z.string().nullable().describe("the name of its worker; null: it has none"),
    status: z.enum(TICKET_STATUSES),
    title: z.string(),
    body: z.string(),
    language: z.string().nullable(),
    source: z.string(),
    sender: z.string(),
    senderPrincipalId: z.string().nullable(),
    trust: z.string(),
    threadId: z.string().nullable(),
    labels,
    agent: z.string(),
    routeReason: z.string(),
    triage: triageView.nullable(),
    assignee: z.string().nullable(),
    version: z.int().describe("goes up with every change; the ETag"),
    createdAt: z.string(),
    updatedAt: z.string(),
    resolvedAt: z.string().nullable(),
    resolution: z.unknown(),
  })
  .meta({ id: "Ticket" });
export type TicketView = z.infer<typeof ticketView>;

export function viewTicket(ticket: Ticket): TicketView {
  const { createdAtMs, updatedAtMs, resolvedAtMs, triage, ...rest } = ticket;
  return { ...rest, triage: triage as TicketView["triage"], createdAt: isoOf(createdAtMs), updatedAt: isoOf(updatedAtMs), resolvedAt: isoOrNull(resolvedAtMs) };
}
