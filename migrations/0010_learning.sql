-- What was learned of a ticket that is resolved; one row a ticket, kept when its lesson is taken back, so that nothing is learned twice.
-- `pattern`: digest of category, vendor and ordered act names; null: no evidence for a skill. `day`: of the resolution, in the time zone of the workspace.
-- `reporter`: a digest; only the difference counts. `considered_at` null: whether it calls for a skill has not been looked at yet.
create table resolved_cases (
  ticket_id text primary key references tickets (id),
  run_id text not null references runs (id),
  lesson_id text,
  pattern text,
  day text not null,
  reporter text not null,
  learned_at timestamptz not null default loop_now(),
  considered_at timestamptz
);
create index resolved_cases_pattern on resolved_cases (pattern, learned_at desc) where pattern is not null;
-- The two sides of the sweep, read without the rows.
create index resolved_cases_considered on resolved_cases (ticket_id) where considered_at is not null;
create index tickets_resolved on tickets (id) where status = 'resolved';

-- `files`: path, text and the digest of the file that it replaces (null: there was none). `test`: what the last replay said. `prompt`: the same change in
-- words for a coding agent. `revision`: the one that the acceptance made. `written_at` null on an accepted one: the folder does not have the files yet.
create table proposals (
  id text primary key,
  kind text not null check (kind in ('skill', 'rule', 'sop')),
  state text not null check (state in ('open', 'accepted', 'rejected', 'superseded')),
  title text not null,
  reason text not null,
  fingerprint text not null,
  files jsonb not null,
  sources jsonb not null,
  test jsonb,
  prompt text,
  author text not null,
  created_at timestamptz not null default loop_now(),
  decided_by text,
  decided_at timestamptz,
  decision_reason text,
  revision bigint,
  written_at timestamptz
);
create unique index proposals_open on proposals (fingerprint) where state = 'open';
create index proposals_decided on proposals (fingerprint, decided_at) where decided_at is not null;
create index proposals_unwritten on proposals (decided_at) where state = 'accepted' and written_at is null;
