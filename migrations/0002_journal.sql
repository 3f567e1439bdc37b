-- Append-only. `head` is the canonical JSON (RFC 8785) of everything the chain covers: kind, time, actor, subjects and the digest of the payload.
-- The other columns repeat parts of `head` for queries. `position` and `hash` are given by the sealer and never change afterwards.
create table events (
  id bigint generated always as identity primary key,
  position bigint,
  hash bytea,
  kind text not null,
  at timestamptz not null,
  actor text not null,
  run_id text,
  ticket_id text,
  head text not null
) with (fillfactor = 80);
create unique index events_position on events (position) where position is not null;
create index events_unsealed on events (id) where position is null;
create index events_ticket on events (ticket_id, id) where ticket_id is not null;
create index events_run on events (run_id, id) where run_id is not null and ticket_id is null;

-- What an event said, apart from the chain: it may be erased, and the event stays.
create table payloads (
  event_id bigint primary key,
  body text,
  scope text not null,
  expires_at timestamptz,
  erased_at timestamptz
);
create index payloads_scope on payloads (scope);
create index payloads_expiry on payloads (expires_at) where expires_at is not null and erased_at is null;

-- One row. Whoever holds the sealer's lock moves it.
create table journal_head (
  single boolean primary key default true check (single),
  position bigint not null,
  hash bytea not null
);
insert into journal_head (position, hash) values (0, decode(repeat('00', 32), 'hex'));

-- A signature over the hash at a position; one per batch that the sealer closed.
create table journal_seals (
  position bigint primary key,
  hash bytea not null,
  key_id text not null,
  signature bytea not null,
  at timestamptz not null default loop_now()
);

-- Public halves only; private keys lie in the key folder of each home. One key of a home signs its seals and its receipts.
create table signing_keys (
  id text primary key,
  public_key text not null,
  host text not null,
  created_at timestamptz not null default loop_now(),
  revoked_at timestamptz
);
