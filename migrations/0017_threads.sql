-- A conversation and its own transcript. One turn at a time: at most one open run of a thread that nobody delegated.
alter table threads
  add column agent text,
  add column labels jsonb not null default '{}',
  add column opened_by text;

-- `run_id` of what a person says: the run that took it, null while none has. Of an answer: the run that gave it. `way`: steer goes into the run that is open,
-- turn waits for a run of its own. `brief`: what the run of that turn is asked for beyond the text.
create table thread_messages (
  id text primary key,
  thread_id text not null references threads (id),
  position bigint generated always as identity,
  role text not null check (role in ('person', 'agent')),
  author text not null,
  trust text not null,
  text text not null,
  content jsonb,
  attachments jsonb not null default '[]',
  external_id text,
  body_digest text,
  way text not null default 'steer' check (way in ('steer', 'turn')),
  brief jsonb,
  run_id text,
  taken_at timestamptz,
  delivered_at timestamptz,
  at timestamptz not null default loop_now()
) with (fillfactor = 80);
create index thread_messages_thread on thread_messages (thread_id, position);
create index thread_messages_waiting on thread_messages (thread_id, position) where run_id is null;
create index thread_messages_run on thread_messages (run_id) where run_id is not null;
create unique index thread_messages_external on thread_messages (thread_id, external_id) where external_id is not null;

-- Files and images that came with a message, once each, by the SHA-256 of their bytes.
create table attachments (
  digest text primary key,
  media_type text not null,
  content bytea not null,
  at timestamptz not null default loop_now()
);

-- `brief`: what the run is asked for beyond its text, and which agents have had it. `parent_run_id`: the run that delegated this one.
alter table runs
  add column brief jsonb not null default '{}',
  add column parent_run_id text;
create unique index runs_turn_of_thread on runs (thread_id) where thread_id is not null and parent_run_id is null and ended_at is null;
create index runs_thread on runs (thread_id, created_at) where thread_id is not null;
create index runs_parent on runs (parent_run_id) where parent_run_id is not null;
