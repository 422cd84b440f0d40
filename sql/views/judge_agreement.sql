-- How far grades of a judge agree with what references say. Grain: one row per judge (model and prompt) × form.
create or replace view judge_agreement as
with graded as (
    select
        judge->>'model' as model,
        judge->>'prompt' as prompt,
        kind,
        (scores->>'judge')::double as grade,
        coalesce((scores->>'rule'), (scores->>'cosine'), (scores->>'json-match'))::double as by_reference
    from executions
    where judge is not null
)

select
    model,
    prompt,
    kind,
    count(*) as n_asked,
    count(grade) as n_graded,
    avg(grade) as mean_grade,
    count(*) filter (grade is not null and by_reference is not null) as n_with_reference,
    avg(((grade >= 0.5) = (by_reference >= 0.5))::int) as agreement,
    avg(abs(grade - by_reference)) as mean_difference
from graded
group by model, prompt, kind
order by model, prompt, kind;
comment on view judge_agreement is 'Judges of answers (--metric judge) beside references.';
comment on column judge_agreement.model is 'The model that graded.';
comment on column judge_agreement.prompt is 'Its prompt and a hash of that.';
comment on column judge_agreement.kind is 'Form of the answers.';
comment on column judge_agreement.n_asked is 'Answers that it was asked about.';
comment on column judge_agreement.n_graded is 'Those of them that it gave a grade; others were refused or answered in prose.';
comment on column judge_agreement.mean_grade is 'Mean grade, 0 to 1.';
comment on column judge_agreement.n_with_reference is 'Graded answers that a reference judges as well.';
comment on column judge_agreement.agreement is 'Share of those where grade and reference are on the same side of one half.';
comment on column judge_agreement.mean_difference is 'Mean distance of the two.';
