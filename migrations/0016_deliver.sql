-- Copies of asks: a row for each message that a person gets about an ask. `id` is the delivery key of its message. `step`: how many steps of its expiry the ask
-- had taken; a reminder is a row of its own. `wanted` is 1 while the ask is open, and each settling or override adds one; `shown` is what the message says.
create table ask_copies (
  id text primary key,
  ask_id text not null references asks (id),
  principal_id text not null,
  surface text not null,
  address text not null,
  step integer not null,
  reminder boolean not null,
  message_id text,
  wanted integer not null default 1,
  shown integer not null default 0,
  due timestamptz,
  claims integer not null default 0,
  failures integer not null default 0,
  error jsonb,
  created_at timestamptz not null default loop_now(),
  delivered_at timestamptz,
  unique (ask_id, principal_id, surface, step)
);
create index ask_copies_due on ask_copies (surface, due) where due is not null;

-- `copied`: the revision of the workspace for which the copies were last brought up to date; 0: the ask has changed since. Asks that were closed before there
-- were copies have none.
alter table asks add column copied bigint not null default -1, add column copied_step integer not null default 0;
alter table asks alter column copied set default 0;
update asks set copied = 0, copied_step = step where state = 'open';
create index asks_to_copy on asks (copied) where state = 'open';
create index asks_to_close on asks (id) where state <> 'open' and copied = 0;

-- What an edit of a message of the outbox made it.
alter table outbox add column edit_key text, add column edited_at timestamptz;

-- Whoever watches a run reads what its models say now.
create index live_text_run on live_text (run_id);
