-- Figures have statistics of their own from now on. What was executed before stays where its sums are: among facts.

alter table executions add column task varchar;
update executions
set task = case when kind in ('choice', 'multi') then 'choice' when kind = 'number' then 'open' else coalesce(kind, 'open') end;
comment on column executions.task is 'What statistics tell apart, by kind: open, choice (one option or several), number, long, code or json. Executions with kind number that an older optiq merged are in open.';
