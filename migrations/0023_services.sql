-- One call of a service. A repeat (same service, caller, session and body, or the same key) within ten minutes is the same call.
-- `callback_state`: null, nobody is called back; waiting, the result is to be sent (by a job, which becomes a dead letter when it fails for good); sent.
create table service_calls (
  id text primary key,
  service text not null,
  principal_id text not null,
  digest text not null,
  session_id text,
  thread_id text,
  message_id text,
  run_id text,
  callback_url text,
  callback_state text check (callback_state in ('waiting', 'sent')),
  delivered_at timestamptz,
  at timestamptz not null default loop_now()
);
create index service_calls_digest on service_calls (digest, at);
create index service_calls_run on service_calls (run_id) where run_id is not null;
create index service_calls_message on service_calls (message_id) where message_id is not null;

-- What a run that ended well gave: what it said, and the structured answer where one was asked for.
alter table runs add column answer jsonb;
