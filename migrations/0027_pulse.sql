-- The pulse and the mailbox. A worker is a ticket, a run and an act; what it asks is an ask; what it reports as spent is a row of the ledger.

-- The name that whoever started the work gave it. One open ticket of a name; a ticket that was closed leaves it free.
alter table tickets add column alias text;
create unique index tickets_alias_open on tickets (alias) where alias is not null and status not in ('resolved', 'cancelled');
create index tickets_alias on tickets (alias, created_at) where alias is not null;

-- `<worker>-<n>`: how whoever works by the verbs knows an ask. Never used twice.
alter table asks add column alias text unique;
create index asks_worker on asks ((detail ->> 'worker')) where purpose = 'worker';

-- Workers are listed again and again; most runs are none.
create index runs_of_workers on runs (ended_at) where procedure = 'worker';

-- The run that the bearer of the token is; null: it is nobody's alone.
alter table tokens add column run_id text;
create index tokens_run on tokens (run_id) where run_id is not null;

-- A lease on a name. `fence` grows with each taking, so that a holder who was overtaken can be told from the present one; the row stays for it.
-- `session` null: free. With a run it lasts as long as the run is open, else until `expires_at`.
create table claims (
  name text primary key,
  fence bigint not null default 0,
  session text,
  principal_id text,
  run_id text,
  claimed_at timestamptz,
  expires_at timestamptz
) with (fillfactor = 70);
create index claims_held on claims (name) where session is not null;

-- Decisions of the judge inside: one is open at a time, whichever process begins it.
create unique index runs_judge_open on runs (procedure) where procedure = 'judge' and ended_at is null;
create index runs_judge on runs (created_at desc) where procedure = 'judge';

-- What a sensor printed last. `signal` wakes, `detail` does not. `digest`: of the signal. `program`: digest of the file that printed it. `streak`: how often
-- in a row the signal changed. `failed`: the signal says what went wrong instead.
create table sensor_readings (
  sensor text primary key,
  signal jsonb not null,
  detail jsonb not null,
  digest text not null,
  program text not null,
  failed boolean not null,
  streak integer not null default 0,
  ran_at timestamptz not null,
  changed_at timestamptz not null,
  took_ms integer not null
) with (fillfactor = 70);

-- What whoever decides set for itself to be woken by; it starts nothing. `spec`: {at} | {everyS, anchor} | {cron, timeZone} | {rrule, timeZone}.
-- `period`: the last of its moments that came, by a name that it keeps; `reached_at`: until when it was looked at; `next_at` null: there is none to come.
create table schedules (
  name text primary key,
  spec jsonb not null,
  note text not null default '',
  missed text not null default 'once' check (missed in ('once', 'skip')),
  set_by text not null,
  set_at timestamptz not null default loop_now(),
  period text,
  reached_at timestamptz not null default loop_now(),
  next_at timestamptz
) with (fillfactor = 70);
create index schedules_next on schedules (next_at) where next_at is not null;

-- The lines of the journal that people read, newest first, however many other events there are.
create index events_loop_action on events (id) where kind = 'loop.action';
-- Whether an agent session has ever listened.
create index events_loop_listening on events (id) where kind = 'loop.listening';

-- Runs that were claimed twice without an outcome: one of them may be what ends processes, so they are claimed one at a time.
create index runs_suspect on runs (due) where due is not null and tries >= 2;

-- A sensor is a program: whoever decides proposes it, an owner or admin lets it in.
alter table proposals drop constraint proposals_kind_check,
  add constraint proposals_kind_check check (kind in ('skill', 'rule', 'sop', 'precedent', 'sensor'));

-- What workers deliver: the files below reports/ of the workspace as they were last seen. The folder is what people read, this is what stays when it is emptied.
create table reports (
  path text primary key,
  digest text not null,
  content bytea not null,
  kept_at timestamptz not null default loop_now()
);
