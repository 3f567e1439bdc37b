-- Sealed secrets. A value is in force until its version is retired; then its ciphertext is gone and the row only says that there was one, so that
-- version numbers never come back. `key_id` names one of the keys that lie in a file outside the database.
create table secrets (
  name text not null,
  version integer not null check (version > 0),
  key_id text not null,
  nonce bytea,
  ciphertext bytea,
  created_at timestamptz not null default loop_now(),
  retired_at timestamptz,
  primary key (name, version),
  check ((retired_at is null) = (nonce is not null and ciphertext is not null))
);
create unique index secrets_in_force on secrets (name) where retired_at is null;
