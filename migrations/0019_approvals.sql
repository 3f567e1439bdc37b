-- The teams that a principal belongs to, by name: whoever names a team as approver means these people, as they are when somebody answers.
alter table principals add column groups text[] not null default '{}';

-- A precedent: what somebody approved may happen without asking, for a time.
alter table proposals drop constraint proposals_kind_check, add constraint proposals_kind_check check (kind in ('skill', 'rule', 'sop', 'precedent'));

-- What people granted beyond the cap of the manifest, in this period only.
alter table budget_periods add column raised_nanos bigint not null default 0, add column raised_tokens bigint not null default 0;
