create table principals (
  id text primary key,
  handle text not null unique,
  kind text not null check (kind in ('person', 'agent', 'service')),
  display_name text not null,
  roles text[] not null default '{}',
  languages text[] not null default '{}',
  labels jsonb not null default '{}',
  source text not null default 'server' check (source in ('server', 'workspace')),
  created_at timestamptz not null default loop_now(),
  disabled_at timestamptz
);

create table identities (
  surface text not null,
  external_id text not null,
  principal_id text not null references principals (id),
  primary key (surface, external_id)
);
create index identities_principal on identities (principal_id);

-- The value is shown once, when it is made; only its SHA-256 is kept.
create table tokens (
  id text primary key,
  principal_id text not null references principals (id),
  hash bytea not null unique,
  label text not null,
  scopes text[] not null,
  created_at timestamptz not null default loop_now(),
  expires_at timestamptz,
  revoked_at timestamptz
);
create index tokens_principal on tokens (principal_id);
