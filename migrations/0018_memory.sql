-- What agents remember is a layer of the brain that lives here only, as lessons do.
alter table brain_items drop constraint brain_items_layer_check,
  add constraint brain_items_layer_check check (layer in ('voice', 'sop', 'history', 'skill', 'entity', 'lesson', 'memory'));

-- Which acts of which runs were given a memory: for whoever asks, and so that a memory that is forgotten is taken out of them too.
create table memory_tellings (
  memory_id text not null,
  act_id text not null,
  run_id text not null,
  told_at timestamptz not null default loop_now(),
  primary key (memory_id, act_id)
);

-- Those about which people are asked whether they should stand.
create index brain_items_questioned on brain_items (id) where layer = 'memory' and data->>'ask' is not null;
-- What is kept or questioned in a scope, by subject and by what it says.
create index brain_items_memories on brain_items ((data->'scope'), (data->>'about')) where layer = 'memory';
