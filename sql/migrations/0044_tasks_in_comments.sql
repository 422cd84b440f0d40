-- Forms of answers that came later are tasks, too.
comment on column published_statistics.task is 'Task that it holds for: open (facts), choice, number, long, code or json; * where the source does not say.';
comment on column model_figures.task is 'Task that the figure holds for: open (facts), choice, number, long, code or json; * for any (published figures that do not say).';
comment on column plan_statistics.task is 'Task of the questions: open (facts), choice, number, long, code or json; * for a published figure that does not say.';
comment on column drift_usual.task is 'Task of the questions: open (facts), choice, number, long, code or json.';
