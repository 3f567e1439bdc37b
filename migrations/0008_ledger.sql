-- Money is whole nano-dollars (1 USD = 1,000,000,000), so that a token at $0.0000005 is exact and sums never drift.
-- A row per attempt of an act: reserved before, settled after. `cost_nanos` (cash) and `list_nanos` null are unknown, which is never zero.
-- `at` is when it was reserved. `priced_as` null at that time: the model had no price, and the reservation says nothing about its cost.
create table ledger (
  act_id text not null,
  attempt integer not null,
  run_id text,
  ticket_id text,
  agent text not null,
  labels jsonb not null,
  tier text,
  model text,
  priced_as text,
  reserved_nanos bigint not null default 0,
  reserved_tokens bigint not null default 0,
  cost_nanos bigint,
  list_nanos bigint,
  input_tokens bigint,
  cached_tokens bigint,
  output_tokens bigint,
  reasoning_tokens bigint,
  source text check (source in ('measured', 'self-reported', 'estimated')),
  state text not null check (state in ('reserved', 'settled')),
  at timestamptz not null default loop_now(),
  settled_at timestamptz,
  primary key (act_id, attempt)
) with (fillfactor = 80);
create index ledger_at on ledger using brin (at);
create index ledger_ticket on ledger (ticket_id) where ticket_id is not null;
create index ledger_run on ledger (run_id);

-- One row per budget, subject and period, made when first needed; the id is a digest of the three. granted: handed to runs as allotments and not
-- returned; spent is part of granted. Both are moved here from the allotments when a run returns its slice or its period ends; until then what a run
-- has spent stands on its allotment, so "spent now" is spent here plus spent on the allotments that name the period.
-- Never more granted than the cap of a budget that blocks: the guard stands in the statement that grants. Only a charge beyond its reservation, which
-- is recorded in full, can lift granted above it. The cap is that of the manifest when something was last granted.
create table budget_periods (
  id text primary key,
  budget text not null,
  subject text not null,
  starts_at timestamptz not null,
  ends_at timestamptz,
  cap_nanos bigint,
  cap_tokens bigint,
  granted_nanos bigint not null default 0,
  granted_tokens bigint not null default 0,
  spent_nanos bigint not null default 0,
  spent_tokens bigint not null default 0,
  unknown_calls bigint not null default 0,
  unique (budget, subject, starts_at)
) with (fillfactor = 50);

-- One row a run: the slice that every budget of the run has granted it. A call reserves here and touches no row that two runs share.
-- `periods`: widest first. granted: the slice; spent: what was spent of it since it was last moved to the periods (a call of unknown cost counts with
-- its reservation, and in unknown_calls). refuses_unpriced: a budget that blocks has a cap in money. valid_until: end of the earliest period; '-infinity'
-- from when the run returned it for good; closed once no reservation is out.
-- promised_until: a call asked for this slice and will reserve from it in a moment; until then nobody takes it back.
create table allotments (
  run_id text primary key,
  periods text[] not null,
  granted_nanos bigint not null default 0,
  granted_tokens bigint not null default 0,
  reserved_nanos bigint not null default 0,
  reserved_tokens bigint not null default 0,
  spent_nanos bigint not null default 0,
  spent_tokens bigint not null default 0,
  unknown_calls bigint not null default 0,
  limited_nanos boolean not null,
  limited_tokens boolean not null,
  refuses_unpriced boolean not null default true,
  valid_until timestamptz,
  promised_until timestamptz,
  closed boolean not null default false
) with (fillfactor = 70);
-- The predicate names only `closed`, which a call never changes, so that reserving and settling stay heap-only updates.
create index allotments_open on allotments (run_id) where not closed;
