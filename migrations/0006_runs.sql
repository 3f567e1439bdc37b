-- The row is the lease (wake, due, holder, fence, tries). A run that waits has due = null and costs nothing.
create table runs (
  id text primary key,
  ticket_id text references tickets (id),
  thread_id text,
  agent text not null,
  runner text not null,
  procedure text not null,
  state text not null check (state in ('queued', 'running', 'waiting', 'paused', 'done', 'failed', 'interrupted', 'quarantined', 'cancelled')),
  reason text,
  attempt integer not null default 1,
  retry_of text,
  labels jsonb not null default '{}',
  limits jsonb not null,
  revision bigint not null,
  turns integer not null default 0,
  created_at timestamptz not null default loop_now(),
  started_at timestamptz,
  ended_at timestamptz,
  wake bigint not null default 0,
  due timestamptz,
  holder text,
  fence bigint not null default 0,
  tries integer not null default 0,
  lanes text[] not null default '{}'
) with (fillfactor = 70);
create index runs_due on runs (due) where due is not null;
create index runs_held_lanes on runs using gin (lanes) where holder is not null and lanes <> '{}';
create index runs_ticket on runs (ticket_id);
create index runs_open on runs (created_at) where ended_at is null;

-- How many runs of an agent, a repository or a label may move at once. A run names only the lanes that have a bound.
create table lanes (
  name text primary key,
  max_running integer not null check (max_running > 0)
);

create table timers (
  id text primary key,
  run_id text not null references runs (id),
  due_at timestamptz not null,
  cause text not null,
  unique (run_id, cause)
);
create index timers_due on timers (due_at);

-- The transcript. `source` says who produced it: a model id, `rules`, a principal, the system.
create table messages (
  run_id text not null,
  seq integer not null,
  role text not null,
  name text,
  source text not null,
  trust text not null,
  content jsonb not null,
  at timestamptz not null default loop_now(),
  primary key (run_id, seq)
);

create table acts (
  id text primary key,
  run_id text not null, -- held by the statement that inserts; a foreign key would read the row again
  turn integer not null,
  ordinal integer not null,
  kind text not null check (kind in ('model', 'tool', 'worker', 'message', 'shell', 'push', 'handoff', 'check')),
  name text not null,
  effect text not null check (effect in ('read', 'idempotent', 'findable', 'once')),
  state text not null check (state in ('planned', 'asked', 'denied', 'started', 'waiting', 'done', 'failed', 'unknown', 'cancelled')),
  key text not null,
  args jsonb not null,
  facts jsonb not null,
  binding text not null,
  decision jsonb,
  ask_id text,
  handle jsonb,
  result jsonb,
  error jsonb,
  attempts integer not null default 0,
  created_at timestamptz not null default loop_now(),
  started_at timestamptz,
  ended_at timestamptz
) with (fillfactor = 70);
create index acts_run on acts (run_id, turn, ordinal);

-- Deltas of a model that is speaking now. Losing them loses nothing.
create unlogged table live_text (
  run_id text not null,
  act_id text not null,
  seq integer not null,
  text text not null,
  at timestamptz not null default loop_now(),
  primary key (act_id, seq)
);
