-- The reply to a request, under a key that its sender chose. The row is written in the transaction of the effect, so nobody else ever sees one without its
-- reply. `request_digest` is over everything that makes the request what it is: the same key on another one is refused.
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
