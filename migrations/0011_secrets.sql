create table secrets (
  name text not null,
  version integer not null,
  key_id text not null,
  nonce bytea not null,
  ciphertext bytea not null,
  created_at timestamptz not null default loop_now(),
  retired_at timestamptz,
  primary key (name, version)
);
