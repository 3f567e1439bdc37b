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
  author text not null,
  created_at timestamptz not null default loop_now(),
  decided_by text,
  decided_at timestamptz
);
create unique index proposals_open on proposals (fingerprint) where state = 'open';
