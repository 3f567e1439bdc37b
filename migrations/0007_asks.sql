create table asks (
  id text primary key,
  kind text not null check (kind in ('question', 'choice', 'approval', 'acknowledgement')),
  state text not null check (state in ('open', 'answered', 'expired', 'cancelled')),
  stranded boolean not null default false,
  purpose text not null,
  run_id text,
  act_id text,
  ticket_id text,
  prompt text not null,
  detail jsonb not null default '{}',
  options text[] not null default '{}',
  approvers jsonb not null,
  quorum integer not null default 1,
  binding text,
  rule text,
  escalation jsonb not null default '[]',
  step integer not null default 0,
  next_step_at timestamptz,
  answer text,
  settled_by text,
  revision bigint not null default 0,
  created_at timestamptz not null default loop_now(),
  settled_at timestamptz
);
create index asks_open on asks (created_at) where state = 'open';
create index asks_next_step on asks (next_step_at) where state = 'open' and next_step_at is not null;
create index asks_run on asks (run_id);
create index asks_ticket on asks (ticket_id);

-- One row a person and ask: what each person decided, counted or not.
create table ask_decisions (
  id text primary key,
  ask_id text not null references asks (id),
  principal_id text not null,
  answer text not null,
  reason text,
  face text not null,
  kind text not null check (kind in ('decision', 'late', 'override')),
  at timestamptz not null default loop_now()
);
create unique index ask_decisions_once on ask_decisions (ask_id, principal_id) where kind = 'decision';
