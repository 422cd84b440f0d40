"""Names that come out the same each time: of an execution, and of a call that need not be made twice."""

from __future__ import annotations

import hashlib
import json
import uuid

from optiq.servers.protocol import GenerateRequest

_EXECUTIONS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:optiq:execution")


def execution_id(run_id: str, question_id: str, plan_key: str, attempt: int = 1) -> str:
    """The same run, question, plan and attempt have one id, so that a resumed run lands nothing twice."""
    return uuid.uuid5(_EXECUTIONS, json.dumps([run_id, question_id, plan_key, attempt])).hex


def call_key(identity: str, request: GenerateRequest) -> str | None:
    """What an output is kept under; None if the call may turn out differently each time (temperature above 0).

    ``identity`` is what the server knows the weights and the template by
    (:meth:`~optiq.servers.protocol.ModelServer.identity`).
    """
    if request.temperature != 0:
        return None
    parts = [identity, request.prompt, request.max_output_tokens, request.seed, list(request.stop)]
    if request.many_lines:
        parts.append("many lines")
    if request.stop_loops:
        parts.append("stop loops")
    if request.json_schema is not None:
        parts.append(request.json_schema)
    if request.letters or request.reasons:
        parts += [list(request.letters), request.several_letters, request.reasons]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
