"""promptfoo: the results of ``promptfoo eval -o`` as JSON or JSON lines.

``error`` is set where an assertion fails, too: a failed call is ``failureReason`` 2. An answer from promptfoo's cache
repeats the latency of the first call and has no tokens of its own. A cost of 0 is that of a model whose price it does
not know. Repeats are new tests with the same variables.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from optiq.formats.chat import asked_in, count, error_in
from optiq.formats.json_stream import loads
from optiq.formats.protocol import Answer, Item, NoAnswer, Refused, Role, Wanted
from optiq.formats.source import Source, shown

_FAILED_CALL = 2
_QUESTIONS = ("question", "query", "prompt", "input", "problem", "text", "message", "topic")
_GOLD = (
    "equals",
    "contains",
    "icontains",
    "starts-with",
    "similar",
    "levenshtein",
    "rouge-n",
    "bleu",
    "factuality",
    "answer-relevance",
    "contains-any",
    "icontains-any",
)
"""Assertions whose value is a right answer; that of others is a rubric, a schema or a program."""


class Promptfoo:
    """Reads results."""

    name = "promptfoo"
    title = "promptfoo results (.json, .jsonl)"
    tried_on = "0.118.0, 0.121.20, 0.123.1"

    def recognises(self, source: Source) -> Role | None:
        """Results by evalId and results, rows by what a result has."""
        head = source.heads[0]
        whole = "results" in head and ("evalId" in head or {"config", "shareableUrl"} <= head.keys())
        rows = any({"promptIdx", "testIdx", "testCase"} <= one.keys() for one in source.heads)
        return Role.ANSWERS if whole or rows else None

    def read(self, source: Source, wanted: Wanted) -> Iterator[Item]:
        """One answer per result."""
        whole = "results" in source.heads[0]
        evaluation = source.value("evalId") if whole else None
        time = source.value("results", "timestamp") if whole else None
        found = False
        for number, row, content in source.objects(*(("results", "results") if whole else ())):
            found = True
            if isinstance(row, str):
                yield Refused(number, row, content)
                continue
            try:
                yield _answer(number, row, evaluation, time)
            except (ValueError, TypeError, KeyError, AttributeError, IndexError) as fault:
                yield Refused(number, f"not a result as promptfoo writes it: {fault!r}", shown(row))
        if not found:
            yield NoAnswer("results without a row")


def _answer(number: int, row: dict[str, Any], evaluation: Any, time: Any) -> Answer:
    provider = row.get("provider")
    model = provider.get("id") if isinstance(provider, dict) else provider
    if not isinstance(model, str):
        raise ValueError("there is no provider")
    response = row["response"] if isinstance(row.get("response"), dict) else {}
    test = row["testCase"] if isinstance(row.get("testCase"), dict) else {}
    variables = row.get("vars") or test.get("vars") or {}
    prompt = (row.get("prompt") or {}).get("raw")
    question = _question(variables, prompt)
    told = json.dumps(variables, sort_keys=True, ensure_ascii=False) if variables else str(prompt)
    cells: dict[str, Any] = {
        "run_id": evaluation,
        "question_id": f"promptfoo/{hashlib.sha256(told.encode('utf-8', 'replace')).hexdigest()[:12]}",
        "question": question,
        "reference": _gold(test.get("assert")),
        "started_at": time,
    }
    if isinstance(row.get("promptId"), str):
        cells["prompt"] = f"promptfoo@{row['promptId'][:8]}"
    identity = (
        ("promptfoo", row["id"])
        if row.get("id")
        else ("promptfoo", evaluation, time, model, row.get("promptIdx"), row.get("testIdx"), told)
    )
    metadata = test.get("metadata") if isinstance(test.get("metadata"), dict) else {}
    labels = {
        **(metadata or {}),
        **(variables if isinstance(variables, dict) else {}),
        "task": test.get("description"),
    }
    answer = Answer(number, identity, model, cells, labels=labels)
    if _failed(row, response):
        cells["status"] = "failed"
        cells["error"] = answer.call["error"] = (
            error_in(row.get("error") or response.get("error")) or "the call failed"
        )
        return answer
    output = response.get("output")
    text = output if isinstance(output, str) or output is None else json.dumps(output, ensure_ascii=False)
    cells["answer"] = text
    answer.call |= {"output": text, "finish_reason": response.get("finishReason")}
    if response.get("cached") is True:
        answer.call["cached"] = True
    else:
        usage = response.get("tokenUsage") or {}
        details = usage.get("completionDetails") or {}
        prompt_tokens = count(usage.get("prompt"))
        answer.call |= {
            "prompt_tokens": prompt_tokens,
            "cached_tokens": count(details.get("cacheReadInputTokens")) if prompt_tokens else None,
            "output_tokens": count(usage.get("completion")),
            "thinking_tokens": count(details.get("reasoning")),
            "latency_s": _seconds(row.get("latencyMs", response.get("latencyMs"))),
            "cost_usd": _cost(row.get("cost", response.get("cost"))),
        }
    answer.scores, answer.score = _scores(row, test)
    return answer


def _failed(row: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    """Whether the call failed; a failed assertion is an answer. Older versions give no reason."""
    if row.get("failureReason") is not None:
        return bool(row["failureReason"] == _FAILED_CALL)
    return bool(response.get("error")) or (bool(row.get("error")) and response.get("output") is None)


def _scores(row: Mapping[str, Any], test: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    grading = row["gradingResult"] if isinstance(row.get("gradingResult"), dict) else {}
    judged = grading.get("componentResults") or test.get("assert")
    if grading.get("reason") == "No assertions" or not (judged or grading):
        return {}, None
    named = row["namedScores"] if isinstance(row.get("namedScores"), dict) else {}
    return {"score": row.get("score"), "success": row.get("success"), **named}, "score"


def _question(variables: Any, prompt: Any) -> str | None:
    """The variable that holds what is asked, else the prompt (of a chat its last message of a user)."""
    if isinstance(variables, dict):
        for name in _QUESTIONS:
            if isinstance(variables.get(name), str) and variables[name].strip():
                return str(variables[name])
        texts = [value for value in variables.values() if isinstance(value, str)]
        if len(texts) == 1:
            return texts[0]
    if isinstance(prompt, str) and prompt.lstrip().startswith("["):
        try:
            return asked_in(loads(prompt)) or prompt
        except (ValueError, RecursionError):
            return prompt
    return prompt if isinstance(prompt, str) else None


def _gold(assertions: Any) -> str | None:
    for one in assertions or ():
        if not isinstance(one, dict):
            continue
        if one.get("type") == "assert-set":
            if inner := _gold(one.get("assert")):
                return inner
        elif one.get("type") in _GOLD and isinstance(value := one.get("value"), str | int | float | list):
            return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return None


def _seconds(milliseconds: Any) -> float | None:
    number = isinstance(milliseconds, int | float) and not isinstance(milliseconds, bool)
    return milliseconds / 1000 if number and milliseconds > 0 else None


def _cost(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and value > 0 else None
