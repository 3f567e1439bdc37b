-- What was handed to the outbox surface: the files in the home are a projection of these rows.
create table outbox (
  id text primary key,
  act_key text not null unique,
  recipient text not null,
  subject text not null,
  body text not null,
  facts jsonb not null default '{}',
  at timestamptz not null default loop_now()
);
