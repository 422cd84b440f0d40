"""Plans of one model as files for batch services, and the services' answers collected: half the price, hours later."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optiq.errors import InputError
from optiq.execution.asking import PromptSetAsking
from optiq.execution.identity import execution_id
from optiq.files.atomic import replacing
from optiq.files.others_text import parse_json
from optiq.files.tables import is_for_people
from optiq.planning import PlannedQuestion
from optiq.questions.question_file import Row
from tasks.session import Session
from tasks.shard_files import read_shard_questions, write_questions
from warehouse.home import Home

QUESTIONS, PLANS = "questions.ndjson", "plans.json"
"""Files of a folder of batches besides the requests: what was asked, and by which plans."""


def emit_batches(
    folder: Path, rows: Sequence[Row], planned: Mapping[str, PlannedQuestion], session: Session, run_id: str
) -> dict[str, Any]:
    """Write ``folder``: per model one file of requests in OpenAI's Batch form, and what is needed to collect.

    Returns how many requests each file has and which questions are in none: those without a plan, and those whose plan
    has several calls, of which a batch can make one.

    Raises
    ------
    InputError
        if the folder has something in it, or no question has a plan of one call.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty", "Give a new folder, or empty this one.")
    asking = PromptSetAsking(
        session.planning.prompts,
        session.planning.operators,
        session.settings.max_output_tokens,
        session.settings.constrain,
    )
    requests: dict[str, list[dict[str, Any]]] = {}
    plans: dict[str, dict[str, Any]] = {}
    left_out: dict[str, str] = {}
    for row in rows:
        item = planned.get(row.question_id)
        chosen = None if item is None else item.choice.chosen
        if row.question is None or item is None:
            left_out[row.question_id] = row.error or "invalid"
        elif chosen is None:
            left_out[row.question_id] = f"infeasible: {item.choice.reason}"
        elif chosen.plan.k > 1:
            left_out[row.question_id] = f"its plan has {chosen.plan.k} calls: {chosen.plan.expression}"
        else:
            request = asking.request(item.question, chosen.plan, 0, {})
            body = {
                "model": request.model,
                "messages": [{"role": "user", "content": request.prompt}],
                "max_tokens": request.max_output_tokens,
                "temperature": request.temperature,
            }
            line = {
                "custom_id": row.question_id,
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": body,
            }
            requests.setdefault(request.model, []).append(line)
            plans[row.question_id] = {
                "plan": chosen.plan.key,
                "prompt": asking.label(chosen.plan),
                "topics": [{"topic": name, "weight": weight} for name, weight in item.question.topics],
            }
    if not requests:
        why = next(iter(left_out.values()), "there are no questions")
        raise InputError(f"no question has a plan of one call ({why})", "Plan with --max-operations 1.")
    folder.mkdir(parents=True, exist_ok=True)
    write_questions(folder / QUESTIONS, [row for row in rows if row.question_id in plans])
    files = {}
    for model, lines in sorted(requests.items()):
        path = folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', model)}.jsonl"
        with replacing(path) as temporary:
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            temporary.write_text(text, encoding="utf-8")
        files[str(path)] = len(lines)
    about = {"run_id": run_id, "snapshot_id": session.statistics.snapshot_id, "plans": plans}
    with replacing(folder / PLANS) as temporary:
        temporary.write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
    return {"files": files, "left_out": left_out, "run_id": run_id}


def collect_batches(home: Home, folder: Path, outputs: Sequence[Path], output: Path) -> dict[str, Any]:
    """Read what services returned for ``folder``, land it as traces and write an answers file to ``output``.

    Answers are read and scored as those of a run. A question that no output has yet is a failed row that says so;
    collecting again, with more outputs, counts each answer once.

    Raises
    ------
    InputError
        if the folder is none of batches, or an output cannot be read.
    """
    from optiq.execution.trace import plan_columns
    from optiq.formats.batches import Batches
    from optiq.formats.protocol import Answer, Wanted
    from optiq.formats.source import Source
    from optiq.plans.plan import Plan
    from optiq.questions.answer_file import answers_frame, write_answers
    from optiq.scoring import score_many
    from optiq.scoring.answers import node_answer

    try:
        about = parse_json((folder / PLANS).read_text(encoding="utf-8"))
        rows = read_shard_questions(folder / QUESTIONS)
    except (OSError, ValueError) as fault:
        raise InputError(
            f"{folder} is no folder of batches: {fault}", "Give what `optiq plan --emit-batch` wrote."
        ) from None
    given = [*sorted(folder.glob("*.jsonl")), *outputs]
    answers: dict[str, Answer] = {}
    for path in outputs:
        for item in Batches().read(Source(path, given), Wanted()):
            if isinstance(item, Answer):
                name = str(item.cells["question_id"])
                if name not in answers or "error" in answers[name].cells:
                    answers[name] = item
    found, traces, judged = [], [], []
    for row in rows:
        assert row.question is not None, "only questions are kept"
        told = about["plans"][row.question_id]
        plan = Plan.from_key(told["plan"])
        text, key, _ = plan_columns(plan)
        line: dict[str, Any] = {
            "question_id": row.question_id,
            "plan": text,
            "plan_key": key,
            "topics": told["topics"] or None,
            "snapshot_id": about["snapshot_id"],
            "run_id": about["run_id"],
        }
        got = answers.get(row.question_id)
        if got is None:
            found.append({**line, "status": "failed", "error": "no output has it yet"})
            continue
        error = got.cells.get("error")
        answer = None if error else node_answer(row.question, plan, 0, {0: got.call.get("output")})
        line |= {"status": "failed" if error or not answer else "answered", "answer": answer or None}
        line["error"] = error or (None if answer else "the answer is empty")
        found.append(line)
        judged.append((line, row.question, got))
    scored = [(line, question) for line, question, _ in judged if line["answer"] and question.reference]
    for (line, _), scores in zip(
        scored, score_many([(q, line["answer"]) for line, q in scored]), strict=True
    ):
        line["observed_qoa"] = scores.qoa
    for line, question, got in judged:
        traces.append(_trace(line, question, got, about))
    landed = _land(home, traces, about["run_id"]) if traces else 0
    shown = rows if is_for_people(output) else None  # as of a run
    write_answers(answers_frame(found), output, shown)
    statuses = [line["status"] for line in found]
    return {
        "output": str(output),
        "questions": len(found),
        "answered": statuses.count("answered"),
        "failed": statuses.count("failed"),
        "waiting": len(found) - len(judged),
        "landed": landed,
    }


def _trace(line: Mapping[str, Any], question: Any, got: Any, about: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a traces file. What a batch costs no line says; how long it took is no latency."""
    call = {name: value for name, value in got.call.items() if value is not None}
    if line["error"] and "error" not in call:
        call["error"] = line["error"]
    qoa = line.get("observed_qoa")
    return {
        "execution_id": execution_id(about["run_id"], question.question_id, line["plan_key"], 1),
        "run_id": about["run_id"],
        "question_id": question.question_id,
        "question": question.text,
        "topics": line["topics"],
        "topic_given": bool(question.topics) and not question.topics_inferred,
        "kind": question.kind.value,
        "reference": question.reference,
        "plan_key": line["plan_key"],
        "status": line["status"],
        "answer": line["answer"],
        "error": line["error"],
        "qoa": qoa,
        "qoa_source": None if qoa is None else "scored",
        "prompt": about["plans"][question.question_id]["prompt"],
        "snapshot_id": about["snapshot_id"],
        "started_at": str(got.cells["started_at"]) if got.cells.get("started_at") else None,
        "calls": [{"node": 0, **call}],
    }


def _land(home: Home, traces: Sequence[Mapping[str, Any]], run_id: str) -> int:
    import tempfile

    from warehouse.ingest import ingest_traces

    with tempfile.TemporaryDirectory(prefix="optiq-batch-") as folder:
        path = Path(folder) / f"{run_id}.jsonl"
        path.write_text("".join(json.dumps(trace) + "\n" for trace in traces), encoding="utf-8")
        return ingest_traces(home, [path]).n_landed
