create table receipts (
  run_id text primary key references runs (id),
  ticket_id text,
  digest text not null,
  pack jsonb not null,
  envelope text not null,
  at timestamptz not null default loop_now()
);
create index receipts_ticket on receipts (ticket_id, at) where ticket_id is not null;
