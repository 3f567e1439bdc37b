-- How far the moments of a trigger's schedule were looked at: all that came before are jobs by now, or were let go as `missed` says. Row and jobs in one commit.
-- `schedule`: what it was then; another one begins where it was put in force.
create table trigger_beats (
  trigger text primary key,
  schedule text not null,
  looked_until timestamptz not null
);
