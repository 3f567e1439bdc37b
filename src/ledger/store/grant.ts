import { type RawBuilder, sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";
import type { BudgetPeriod } from "../budgets.ts";
import { isoOf } from "./seat.ts";

export interface GrantWish {
  readonly runId: string;
  /** Widest first. */
  readonly periods: readonly BudgetPeriod[];
  readonly needNanos: number;
  readonly needTokens: number;
  /** How much to take at once where there is plenty; null: a hundredth of the smallest cap. */
  readonly sliceNanos: number | null;
  readonly sliceTokens: number | null;
}

export interface GrantRow {
  readonly fits: boolean;
  /** Periods of blocking budgets without room for the need in that unit, tightest first. */
  readonly short_nanos_in: readonly string[];
  readonly short_tokens_in: readonly string[];
  /** Periods of warning budgets that are now granted beyond their cap, slices of other runs included. */
  readonly passed: readonly string[];
  /** The most that one call of this run could reserve; null: no blocking cap in that unit. */
  readonly room_nanos: number | null;
  readonly room_tokens: number | null;
}

/**
 * Makes the run's slice cover the need, in every budget or in none. Locks the allotment, then its periods, old and new, by id; the scope is locked before.
 * A run whose periods are still the wanted ones is topped up. One whose period has ended, or whose budgets have changed, moves: what it spent stays with
 * the old periods, the rest of its old slice goes back, and the new slice covers its open reservations too. Undefined: it was returned for good.
 */
export async function grant(tx: Transaction, wish: GrantWish): Promise<GrantRow | undefined> {
  const { rows } = await sql<GrantRow>`
    with ${wishOf(wish)}, ${LOCKED}, ${ROOM}, ${LACK}, ${TAKE}, ${PERIODS_GRANTED}, ${ALLOTMENT_GRANTED}
    select fits, short_nanos_in, short_tokens_in, room_nanos, room_tokens,
      array(select id from room where fits and not blocks and (left_nanos < take_nanos or left_tokens < take_tokens) order by id) as passed
    from take`.execute(tx);
  return rows[0];
}

function wishOf(wish: GrantWish): RawBuilder<unknown> {
  const { periods } = wish;
  const capNanos = periods.map((period) => period.capNanos);
  const capTokens = periods.map((period) => period.capTokens);
  const ends = periods.map((period) => period.endsAtMs).filter((end) => end !== null);
  return sql`
    wish as materialized (
      select ${wish.runId} as run_id, ${periods.map(({ id }) => id)}::text[] as ids,
        ${capNanos.some((cap) => cap !== null)}::boolean as limited_nanos, ${capTokens.some((cap) => cap !== null)}::boolean as limited_tokens,
        ${periods.some(({ capNanos: cap, onReach }) => cap !== null && onReach !== "warn")}::boolean as refuses_unpriced,
        ${wish.needNanos}::bigint as need_nanos, ${wish.needTokens}::bigint as need_tokens,
        ${wish.sliceNanos}::bigint as slice_nanos, ${wish.sliceTokens}::bigint as slice_tokens,
        ${isoOf(ends.length === 0 ? null : Math.min(...ends))}::timestamptz as ends_at
    ),
    wanted as materialized (
      select * from unnest(${periods.map(({ id }) => id)}::text[], ${capNanos}::bigint[], ${capTokens}::bigint[],
        ${periods.map(({ onReach }) => onReach !== "warn")}::boolean[]) as w (id, cap_nanos, cap_tokens, blocks)
    )`;
}

/** `stays`: the run's periods are still the wanted ones. */
const LOCKED = sql`
  mine as materialized (
    select a.*, a.periods = w.ids and a.limited_nanos = w.limited_nanos and a.limited_tokens = w.limited_tokens
      and a.refuses_unpriced = w.refuses_unpriced and (a.valid_until is null or a.valid_until > loop_now()) as stays
    from allotments a join wish w using (run_id) where not a.closed and a.valid_until is distinct from '-infinity' for no key update of a
  ),
  locked as materialized (
    select p.* from budget_periods p where p.id = any((select ids || periods from wish join mine using (run_id))::text[]) order by p.id for no key update
  )`;

/** What each wanted period has left to grant, with what a move gives back to it. */
const ROOM = sql`
  room as (
    select w.id, w.blocks, w.cap_nanos, w.cap_tokens,
      w.cap_nanos + k.raised_nanos - k.granted_nanos + case when m.stays or w.id <> all(m.periods) then 0 else m.granted_nanos - m.spent_nanos end as left_nanos,
      w.cap_tokens + k.raised_tokens - k.granted_tokens + case when m.stays or w.id <> all(m.periods) then 0 else m.granted_tokens - m.spent_tokens end as left_tokens
    from wanted w join locked k using (id) cross join mine m
  )`;

/** What the run's own slice lacks for the need. A free call lacks nothing, even after an overrun. */
const LACK = sql`
  slack as (
    select w.*, m.stays, case when m.stays then m.granted_nanos - m.spent_nanos else 0 end - m.reserved_nanos as slack_nanos,
      case when m.stays then m.granted_tokens - m.spent_tokens else 0 end - m.reserved_tokens as slack_tokens
    from wish w join mine m using (run_id)
  ),
  lack as (
    select s.*, case when limited_nanos and not (stays and need_nanos = 0) then greatest(0, need_nanos - slack_nanos) else 0 end as lack_nanos,
      case when limited_tokens and not (stays and need_tokens = 0) then greatest(0, need_tokens - slack_tokens) else 0 end as lack_tokens
    from slack s
  )`;

/** More than the run lacks is taken only while there is plenty: an eighth of what is left at most, so that near a cap a slice is a single call. */
const TAKE = sql`
  tightest as (
    select min(cap_nanos) as cap_nanos, min(cap_tokens) as cap_tokens, min(left_nanos) as left_nanos, min(left_tokens) as left_tokens,
      min(left_nanos) filter (where blocks) as blocking_nanos, min(left_tokens) filter (where blocks) as blocking_tokens
    from room
  ),
  judged as (
    select l.*, t.blocking_nanos + slack_nanos as room_nanos, t.blocking_tokens + slack_tokens as room_tokens,
      case when lack_nanos = 0 then 0 else greatest(lack_nanos, least(coalesce(slice_nanos, t.cap_nanos / 100), t.left_nanos / 8)) end as take_nanos,
      case when lack_tokens = 0 then 0 else greatest(lack_tokens, least(coalesce(slice_tokens, t.cap_tokens / 100), t.left_tokens / 8)) end as take_tokens,
      array(select id from room where blocks and lack_nanos > 0 and left_nanos < lack_nanos order by left_nanos, id) as short_nanos_in,
      array(select id from room where blocks and lack_tokens > 0 and left_tokens < lack_tokens order by left_tokens, id) as short_tokens_in
    from lack l cross join tightest t
  ),
  take as (select *, short_nanos_in = '{}' and short_tokens_in = '{}' as fits from judged)`;

const PERIODS_GRANTED = sql`
  periods_granted as (
    update budget_periods p set cap_nanos = coalesce(w.cap_nanos, p.cap_nanos), cap_tokens = coalesce(w.cap_tokens, p.cap_tokens),
      granted_nanos = p.granted_nanos + case when w.id is null then 0 else t.take_nanos end - case when leaves then m.granted_nanos - m.spent_nanos else 0 end,
      granted_tokens = p.granted_tokens + case when w.id is null then 0 else t.take_tokens end - case when leaves then m.granted_tokens - m.spent_tokens else 0 end,
      spent_nanos = p.spent_nanos + case when leaves then m.spent_nanos else 0 end,
      spent_tokens = p.spent_tokens + case when leaves then m.spent_tokens else 0 end,
      unknown_calls = p.unknown_calls + case when leaves then m.unknown_calls else 0 end
    from take t join mine m using (run_id) cross join locked k left join wanted w using (id)
      cross join lateral (select not m.stays and k.id = any(m.periods) as leaves) l
    where p.id = k.id and t.fits
  )`;

const ALLOTMENT_GRANTED = sql`
  allotment_granted as (
    update allotments a set periods = t.ids, limited_nanos = t.limited_nanos, limited_tokens = t.limited_tokens,
      refuses_unpriced = t.refuses_unpriced, valid_until = t.ends_at,
      promised_until = loop_now() + interval '10 seconds',
      granted_nanos = t.take_nanos + case when t.stays then a.granted_nanos else 0 end,
      granted_tokens = t.take_tokens + case when t.stays then a.granted_tokens else 0 end,
      spent_nanos = case when t.stays then a.spent_nanos else 0 end, spent_tokens = case when t.stays then a.spent_tokens else 0 end,
      unknown_calls = case when t.stays then a.unknown_calls else 0 end
    from take t where a.run_id = t.run_id and t.fits
  )`;
