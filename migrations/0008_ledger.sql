-- Money is whole nano-dollars (1 USD = 1,000,000,000), so that a token at $0.0000005 is exact and sums never drift.
-- A row per attempt of an act: reserved before, settled after. `cost_nanos` null is unknown, which is never zero.
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
create index ledger_ticket on ledger (ticket_id);

-- One row per budget, subject and period, made when first needed. granted: handed to runs as allotments and not returned; spent is part of granted.
-- Never more granted than the cap: the guard stands in the statement that grants.
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
  unique (budget, subject, starts_at)
);

-- One row a run: the slice that every budget of the run has granted it. A call reserves here and touches no row that two runs share.
create table allotments (
  run_id text primary key,
  periods text[] not null,
  granted_nanos bigint not null default 0,
  granted_tokens bigint not null default 0,
  reserved_nanos bigint not null default 0,
  reserved_tokens bigint not null default 0,
  spent_nanos bigint not null default 0,
  spent_tokens bigint not null default 0,
  limited_nanos boolean not null,
  limited_tokens boolean not null,
  valid_until timestamptz,
  closed boolean not null default false
) with (fillfactor = 70);
