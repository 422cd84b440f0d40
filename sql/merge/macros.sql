-- Helpers of a refresh; they live as long as its connection.

-- NaN says that a figure is missing, as NULL does.
create or replace temp macro figure(x) as nullif(x, 'nan'::double);

-- Number of known figures, their sum and the sum of their squares; two such can be added.
create or replace temp macro moments(x) as {
    'n': count(x), 'total': coalesce(sum(x), 0.0), 'squares': coalesce(sum(x * x), 0.0)
};
create or replace temp macro added(m) as {
    'n': coalesce(sum(m.n), 0),
    'total': coalesce(sum(m.total), 0.0),
    'squares': coalesce(sum(m.squares), 0.0)
};
create or replace temp macro mean_of(m) as case when m.n > 0 then m.total / m.n end;
-- Sample variance; n may be a sum of weights. What rounding leaves below zero is zero.
create or replace temp macro variance_of(m) as
    case when m.n > 1 then greatest(0.0, (m.squares - m.total * m.total / m.n) / (m.n - 1)) end;

-- A figure with few observations starts from a prior that counts as `strength` observations.
create or replace temp macro shrunk(prior, strength, observed, n) as case
    when coalesce(n, 0) = 0 or observed is null then prior
    when prior is null then observed
    else (strength * prior + n * observed) / (strength + n)
end;

-- The key of a plan that is one call; a > in a name has a blank before it (optiq/plans/wired.py).
create or replace temp macro single(model) as '1:0:' || replace(model, '>', ' >');

-- What is one question, asked however often: its text, else its id, else the execution that alone had it.
create or replace temp macro key_of_question(question, question_id, execution_id) as
    md5_number_lower(coalesce(nullif(trim(question), ''), question_id, execution_id));

-- The same of the texts of executions after an ingestion: a text is asked of many plans, and digested once.
create or replace temp macro keys_of_texts(after) as table
select question, key_of_question(question, null, null) as text_key
from (select distinct question from executions where ingestion > after)
where trim(question) <> '';

-- The served models of a plan, whatever their order.
create or replace temp macro key_of_served(served) as md5_number_lower(array_to_string(list_sort(served), chr(31)));

-- The weights that answered a call, as far as the server told: one that only repeats the name it was asked by has not.
create or replace temp macro told_weights(model, digest, answered_model) as
    coalesce(digest, nullif(answered_model, model));

-- A prompt of which the server read a part only: no tokenizer makes so few tokens of so many characters. What such a
-- call says of its prompt teaches nothing.
create or replace temp macro cut_short(prompt_chars, prompt_tokens) as coalesce(prompt_chars > 12 * prompt_tokens, false);

-- Rows of landed files of published figures, each with its file and its place there, counted from 1.
create or replace temp macro landed_rows(paths) as table
select
    rows.* exclude (filename, file_row_number),
    rows.file_row_number + 1 as place,
    landed_files.file_id,
    landed_files.ingestion,
    coalesce(landed_files.source_file, landed_files.name) as file
from read_parquet(paths, union_by_name = true, filename = true, file_row_number = true) as rows
inner join landed_files on landed_files.path = rows.filename;
