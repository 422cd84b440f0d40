-- What models think before they answer, apart from what they answer.

alter table calls add column thinking varchar;
alter table calls add column thinking_tokens bigint;
comment on column calls.thinking is 'What the model thought before its output. NULL: nothing, or the server does not show it.';
comment on column calls.thinking_tokens is 'Of output_tokens, those of the thinking. NULL: the server does not count them apart.';
