create table blobs (
  digest text primary key,
  content bytea not null
);

-- A revision is a whole set of files by digest. `kind`: apply (power) or live (direction and knowledge). The newest row is in force.
-- `parent` is the number of the revision that it was made from, 0 for the first; it is unique, so that of two writers who saw the same one, one finds out.
create table revisions (
  number bigint generated always as identity primary key,
  parent bigint not null unique,
  digest text not null,
  kind text not null check (kind in ('apply', 'live')),
  author text not null,
  note text not null,
  files jsonb not null,
  at timestamptz not null default loop_now()
);
