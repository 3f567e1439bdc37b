-- What tool servers listed, and what of it may be used. A source is the command or the address of a server: another one is another server.
create table tool_sources (
  server text not null,
  source text not null,
  seen_at timestamptz not null default loop_now(),
  primary key (server, source)
);

create table tool_pins (
  server text not null,
  source text not null,
  tool text not null,
  -- What may be used: seen first, or approved since. Null: it came later, and nobody has approved it.
  digest text,
  definition jsonb,
  -- What the server listed last. Null: it lists it no more.
  seen_digest text,
  seen_definition jsonb,
  decided_by text,
  decided_at timestamptz,
  primary key (server, source, tool),
  foreign key (server, source) references tool_sources (server, source)
);
