-- Calls of some executions. The frame `wanted` (execution_id) says of which. Grain: one row per call.
select calls.*
from calls
semi join wanted using (execution_id)
order by calls.execution_id, calls.node
