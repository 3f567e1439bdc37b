-- What a turn writes, without what it need not pay for.

-- The words of a column as a domain rather than a check of the table: Postgres prepares a table's checks anew for every statement that writes to it, and those of a domain once
-- a connection. The same words are refused. A table is written anew once for this.
create domain run_state as text check (value in ('queued', 'running', 'waiting', 'paused', 'done', 'failed', 'interrupted', 'quarantined', 'cancelled'));
create domain act_kind as text check (value in ('model', 'tool', 'worker', 'message', 'shell', 'push', 'handoff', 'check'));
create domain act_effect as text check (value in ('read', 'idempotent', 'findable', 'once'));
create domain act_state as text check (value in ('planned', 'asked', 'denied', 'started', 'waiting', 'done', 'failed', 'unknown', 'cancelled'));
create domain ledger_source as text check (value in ('measured', 'self-reported', 'estimated'));
create domain ledger_state as text check (value in ('reserved', 'settled'));
alter table runs drop constraint runs_state_check, alter column state type run_state;
alter table acts drop constraint acts_kind_check, drop constraint acts_effect_check, drop constraint acts_state_check,
  alter column kind type act_kind, alter column effect type act_effect, alter column state type act_state;
alter table ledger drop constraint ledger_source_check, drop constraint ledger_state_check,
  alter column source type ledger_source, alter column state type ledger_state;

-- No statement reads by them: the events of a run without a ticket are read along the journal, and what is open is found by ticket or by `due`.
drop index events_run;
drop index runs_open;
-- A wake, a claim and a park move `due`, so each writes every index of the run's row again; a run of a chat has no ticket to be found by.
drop index runs_ticket;
create index runs_ticket on runs (ticket_id) where ticket_id is not null;
