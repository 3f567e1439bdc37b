-- What is known. Items of files are a projection (deleting them loses nothing); items of layer `lesson` live here only.
create table brain_items (
  id text primary key,
  layer text not null check (layer in ('voice', 'sop', 'history', 'skill', 'entity', 'lesson')),
  source text not null,
  title text not null,
  body text not null,
  phrases text[] not null,
  data jsonb not null,
  labels jsonb not null,
  categories text[] not null,
  scope text not null,
  trust text not null,
  author text,
  language text,
  digest text not null,
  words tsvector not null,
  happened_at timestamptz,
  expires_at timestamptz
);
-- Layer and scope are in the index so that a common word is read only as far as the asked layer and scope have it.
create index brain_items_words on brain_items using gin (words, (array[layer]), (array[scope]));
create index brain_items_newest on brain_items (layer, scope, happened_at desc nulls last, id);
create index brain_items_expiry on brain_items (expires_at) where expires_at is not null;

-- An item by each label, each category and each pair of them (`property=p1`, `hvac_leak`, `property=p1 hvac_leak`), newest first.
create table brain_tags (
  tag text not null,
  layer text not null,
  scope text not null,
  happened_at timestamptz,
  item_id text not null references brain_items (id) on delete cascade
);
create index brain_tags_newest on brain_tags (tag, layer, scope, happened_at desc nulls last, item_id);
create index brain_tags_item on brain_tags (item_id);

-- How many items have a word; under the empty word, how many items there are. Says which words are worth looking for.
create table brain_words (
  word text not null,
  layer text not null,
  scope text not null,
  items bigint not null,
  primary key (word, layer, scope)
);
create index brain_words_none on brain_words (word) where items <= 0;

-- Items whose words are not in brain_words yet: whoever writes a lesson must not wait for the rows of its common words.
create table brain_uncounted (
  item_id text primary key references brain_items (id) on delete cascade
);

-- Vectors of unit length as signed bytes: the cosine of two is the product of their scales and the dot product of their bytes.
create table brain_vectors (
  embedder text not null,
  item_id text not null references brain_items (id) on delete cascade,
  layer text not null,
  scope text not null,
  vector bytea not null,
  scale real not null,
  version bigint not null,
  primary key (embedder, item_id)
);
create index brain_vectors_version on brain_vectors (embedder, version);
create index brain_vectors_item on brain_vectors (item_id);

-- One row. Whoever changes vectors or counts locks it first, so versions become visible in order and counts are never locked crosswise.
create table brain_index (
  single boolean primary key default true check (single),
  version bigint not null
);
insert into brain_index (version) values (0);
