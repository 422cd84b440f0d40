-- Put newly computed chemistry in place of the old.
delete from model_quality;
insert into model_quality by name select * from new_model_quality order by topic, model;
delete from chemistry;
insert into chemistry by name select * from new_chemistry order by topic, model_a, model_b;
delete from ensembles;
insert into ensembles by name select * from new_ensembles order by topic, strategy, size;
delete from chemistry_basis;
insert into chemistry_basis values (getvariable('chemistry_digest'));
