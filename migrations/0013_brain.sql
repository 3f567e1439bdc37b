create table brain_items (
  id text primary key,
  layer text not null check (layer in ('voice', 'sop', 'history', 'skill', 'entity', 'lesson')),
  source text not null,
  title text not null,
  body text not null,
  data jsonb not null default '{}',
  labels jsonb not null default '{}',
  categories text[] not null default '{}',
  scope text not null default 'workspace',
  trust text not null,
  author text,
  digest text not null,
  words tsvector not null,
  embedding bytea,
  embedded_by text,
  happened_at timestamptz,
  expires_at timestamptz
);
create index brain_items_words on brain_items using gin (words);
create index brain_items_layer on brain_items (layer);
create index brain_items_source on brain_items (source);
