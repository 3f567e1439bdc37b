create table idempotency_keys (
  principal_id text not null,
  key text not null,
  request_digest text not null,
  status integer,
  response text,
  at timestamptz not null default loop_now(),
  primary key (principal_id, key)
);
create index idempotency_keys_at on idempotency_keys (at);
