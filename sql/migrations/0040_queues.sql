-- The time that a call waits in its server's queue behind others of ours is not the model's: it is no part of latency_s.

alter table calls add column queue_s double;
comment on column calls.queue_s is 'Seconds that it waited in the server''s queue behind other calls of ours, no part of latency_s. NULL: the server does not tell, or it was called by an earlier release.';
comment on column calls.latency_s is 'Seconds that the loaded model took, from request to answer, without load_s and queue_s.';
