import type { Api } from "./api.ts";
import type { TicketShape } from "./shapes.ts";

const NEWEST = 200;

/** The numbers by which people know the tickets of these. One request for the newest; one more for each older ticket. */
export async function numbersOf(api: Api, of: readonly { readonly ticketId: string | null }[]): Promise<ReadonlyMap<string, number>> {
  const wanted = new Set(of.flatMap(({ ticketId }) => (ticketId === null ? [] : [ticketId])));
  const numbers = new Map<string, number>();
  if (wanted.size === 0) return numbers;
  const { tickets } = JSON.parse(await api.get(`/v1/tickets?limit=${NEWEST}`)) as { tickets: TicketShape[] };
  for (const { id, number } of tickets) numbers.set(id, number);
  for (const id of wanted) if (!numbers.has(id)) numbers.set(id, (JSON.parse(await api.get(`/v1/tickets/${id}`)) as TicketShape).number);
  return numbers;
}
