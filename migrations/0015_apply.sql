-- Changes of the workspace that somebody who may not widen power asked for, and returns to an older revision. `files`: path to the digest of its content, all of
-- which lie in blobs. `base`: the digest of the power that was in force when it was asked. `target`: the revision that is returned to; null: the folder is
-- applied. `written_at` null on a return that was applied: the folder does not have its files yet.
create table apply_requests (
  id text primary key,
  state text not null check (state in ('open', 'applied', 'refused', 'denied')),
  ask_id text references asks (id),
  digest text not null,
  base text not null,
  files jsonb not null,
  target bigint,
  author text not null,
  note text not null,
  revision bigint,
  reason text,
  created_at timestamptz not null default loop_now(),
  settled_at timestamptz,
  written_at timestamptz
);
create unique index apply_requests_open on apply_requests (digest, author) where state = 'open';
create index apply_requests_unwritten on apply_requests (settled_at) where state = 'applied' and target is not null and written_at is null;
create index apply_requests_latest on apply_requests (created_at desc);
