-- New rows of a subject with the figure that a rule is about (column figure, put in for the word), those that are most
-- off first. Grain: one row per execution.
select
    files.file,
    files.source_file,
    executions.execution_id,
    executions.question_id,
    plans.expression as plan,
    case when $upwards then max(figure) else min(figure) end as figure
from executions
inner join plans using (plan_key)
inner join ingested_files as files using (ingestion)
left join calls using (execution_id)
where
    executions.ingestion > getvariable('last_ingestion')
    and ($subject = '*' or calls.model = $subject)
group by all
having figure is not null
order by case when $upwards then -figure else figure end, execution_id;
