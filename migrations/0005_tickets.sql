create table threads (
  id text primary key,
  surface text not null,
  channel text not null,
  external_id text not null,
  created_at timestamptz not null default loop_now(),
  unique (surface, channel, external_id)
);

create table tickets (
  id text primary key,
  number bigint generated always as identity unique,
  status text not null check (status in ('new', 'triaged', 'awaiting_human', 'dispatched', 'in_review', 'blocked', 'resolved', 'cancelled')),
  title text not null,
  body text not null,
  language text,
  source text not null,
  sender text not null,
  sender_principal_id text references principals (id),
  trust text not null,
  thread_id text references threads (id),
  labels jsonb not null default '{}',
  agent text not null,
  route_reason text not null,
  triage jsonb,
  assignee text,
  version bigint not null default 1,
  created_at timestamptz not null default loop_now(),
  updated_at timestamptz not null default loop_now(),
  resolved_at timestamptz,
  resolution jsonb
);
create index tickets_open on tickets (created_at desc) where status not in ('resolved', 'cancelled');
create index tickets_created on tickets (created_at desc, id);
create index tickets_labels on tickets using gin (labels jsonb_path_ops);

-- What was delivered, once: the same (provider, external id) is the same ticket; another body under it is refused.
create table deliveries (
  provider text not null,
  external_id text not null,
  body_digest text not null,
  ticket_id text not null references tickets (id),
  provenance jsonb not null,
  refused_count integer not null default 0,
  at timestamptz not null default loop_now(),
  primary key (provider, external_id)
);
