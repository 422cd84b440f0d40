-- Which prompts an execution used, which outputs were held to the letters of the options, and whose energy was measured.

alter table executions add column prompt varchar;
comment on column executions.prompt is 'Prompt set and hash of its content, such as zero-shot@1f0c9a2b. NULL if not recorded.';
comment on column executions.energy_source is 'measured (every call by a device counter), or predicted (from tokens and rates, at least in part). NULL if energy_j is NULL.';

alter table calls add column constrained boolean;
comment on column calls.constrained is 'Whether the server held the output to the letters of the options. False if it was asked to and did not; NULL if it was not asked.';
alter table calls add column energy_source varchar;
comment on column calls.energy_source is 'measured (share of a device counter) or predicted (from tokens and rates). NULL if energy_j is NULL or the source was not recorded.';
