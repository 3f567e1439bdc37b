-- How far the journal was exported, one row for each place that it goes to.
create table export_cursors (
  name text primary key,
  position bigint not null,
  at timestamptz not null default loop_now()
);
