create table blobs (
  digest text primary key,
  content bytea not null
);

-- A revision is a whole set of files by digest. `kind`: apply (power) or live (direction and knowledge). The newest row is in force.
create table revisions (
  number bigint generated always as identity primary key,
  digest text not null,
  kind text not null check (kind in ('apply', 'live')),
  author text not null,
  note text not null,
  files jsonb not null,
  at timestamptz not null default loop_now()
);
