"""lm-evaluation-harness: ``samples_<task>_<time>.jsonl`` of ``--log_samples``, completed by ``results_<time>.json``.

Rows are documents × filters, all of one filter first: a filter only reads the same answer in another way, so that of
the filters one is taken, the first of the results' table, and the scores of the others are kept beside its own. There
are no tokens and no times of calls in these files, and the model is named in the results only (else by the folder).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from optiq.formats.protocol import Answer, Item, NoAnswer, Refused, Remark, Role, Wanted
from optiq.formats.source import Source, shown
from optiq.questions.form import inferred_form
from optiq.questions.worked_solutions import answer_of_solution

_OWN = (
    "doc_id",
    "doc",
    "target",
    "arguments",
    "resps",
    "filtered_resps",
    "filter",
    "metrics",
    "doc_hash",
    "prompt_hash",
    "target_hash",
)
_QUESTIONS = ("question", "query", "problem", "input", "prompt", "goal", "text", "sentence", "ctx", "context")
"""Fields of a document that hold what is asked, as data sets name them."""
_LOWER_IS_BETTER = ("perplexity", "bits_per_byte", "brier", "ter", "mse", "mae", "loss", "error")
_TIME = re.compile(r"_(\d{4}-\d{2}-\d{2})T(\d{2})-(\d{2})-(\d{2}(?:\.\d+)?)\.")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class LmEval:
    """Reads samples files."""

    name = "lm-eval"
    title = "lm-evaluation-harness samples"
    tried_on = "0.4.11, 0.4.12, 0.4.13"

    def recognises(self, source: Source) -> Role | None:
        """Samples by the fields of a row, results by theirs."""
        if any({"doc_id", "doc", "resps"} <= head.keys() or {"doc_id", "doc", "target"} <= head.keys()
               for head in source.heads):  # fmt: skip
            return Role.ANSWERS
        head = source.heads[0]
        results = "results" in head and {"n-shot", "configs", "higher_is_better"} & head.keys()
        return Role.BESIDE if results or {"results", "group_subtasks"} <= head.keys() else None

    def read(self, source: Source, wanted: Wanted) -> Iterator[Item]:
        """One answer per document and repeat."""
        run = _Run.of(source)
        other_filters, names = self._filters(source)
        chosen = run.first_filter(names, wanted.score)
        if run.model is None:
            yield Remark("the model is called as the folder is: no results file beside says its name", None)
        skipped = 0
        for number, row, content in source.objects():
            if isinstance(row, str):
                yield Refused(number, row, content)
            elif not {"doc_id", "resps"} <= row.keys():
                yield NoAnswer("rows that are no samples")
            elif (row.get("filter") or "none") != chosen and len(names) > 1:
                skipped += 1
            else:
                try:
                    others = other_filters.get(str(row["doc_id"]), {})
                    yield from _answers(number, row, run, chosen, others, wanted)
                except (ValueError, TypeError, KeyError, IndexError, AttributeError) as fault:
                    yield Refused(number, f"not a sample as lm-eval writes it: {fault}", shown(row))
        if skipped:
            unread = ", ".join(name for name in names if name != chosen)
            yield NoAnswer(f"the same answers read by another filter ({unread}; {chosen} counts)", skipped)

    @staticmethod
    def _filters(source: Source) -> tuple[dict[str, dict[str, Any]], list[str]]:
        """Scores by document as ``metric,filter``, if there are several filters, and the filters in their order."""
        names: dict[str, None] = {}
        scores: dict[str, dict[str, Any]] = {}
        for _, sample, _ in source.objects():
            if isinstance(sample, str) or "doc_id" not in sample:
                continue
            name = str(sample.get("filter") or "none")
            names[name] = None
            known = scores.setdefault(str(sample["doc_id"]), {})
            for metric in _metrics(sample):
                known[f"{metric},{name}"] = sample.get(metric)
        return (scores if len(names) > 1 else {}), list(names)


@dataclass(frozen=True)
class _Run:
    """What the results file and the names say of a samples file."""

    path: Path
    task: str
    results: Mapping[str, Any] = field(default_factory=dict)
    written: datetime.datetime | None = None

    @classmethod
    def of(cls, source: Source) -> _Run:
        """The results with the same time in their name, else those in the folder that have the task."""
        name = source.path.name.removesuffix(".gz")
        time = _TIME.search(name)
        task = name.removesuffix(".jsonl").removeprefix("samples_")
        task = task[: time.start() - len("samples_")] if time and name.startswith("samples_") else task
        written = None
        if time:
            iso = f"{time[1]}T{time[2]}:{time[3]}:{time[4]}"
            written = datetime.datetime.fromisoformat(iso).replace(tzinfo=datetime.UTC)
        best: Mapping[str, Any] = {}
        for path in source.beside():
            if not re.fullmatch(r".*\.json(\.gz)?", path.name):
                continue
            if not path.name.startswith("results") and not (time and time[0][1:-1] in path.name):
                continue
            try:
                with Source(path).open() as file:
                    found = _loads(file.read(64 << 20))
            except Exception:  # whatever is wrong with a neighbour, the samples stand without it
                continue
            same = time is not None and time[0][1:-1] in path.name
            known = isinstance(found.get("results"), dict) and task in {
                **found["results"],
                **found.get("configs", {}),
            }
            if same or (known and not best):
                best = found
            if same:
                break
        return cls(source.path, task, best, written)

    @cached_property
    def model(self) -> str | None:
        """As the results name it."""
        for name in (self.results.get("model_name"), (self.results.get("config") or {}).get("model_name")):
            if isinstance(name, str) and name.strip():
                return name.strip()
        arguments = (self.results.get("config") or {}).get("model_args")
        if isinstance(arguments, dict):
            arguments = ",".join(f"{key}={value}" for key, value in arguments.items())
        if isinstance(arguments, str) and (
            found := re.search(r"(?:^|,)(?:model|pretrained)=([^,]+)", arguments)
        ):
            return found[1].strip()
        return None

    @cached_property
    def began(self) -> datetime.datetime | None:
        """When: the results' epoch seconds, else the time in the file's name (which has no zone)."""
        date = self.results.get("date")
        if isinstance(date, int | float) and not isinstance(date, bool) and 0 < date < 1e11:
            return datetime.datetime.fromtimestamp(date, datetime.UTC)
        return self.written

    def first_filter(self, names: list[str], score: str | None) -> str:
        """The filter that counts: of ``score`` (``metric,filter``), else the first of the results, else of the file."""
        if score is not None and "," in score and score.rsplit(",", 1)[1] in names:
            return score.rsplit(",", 1)[1]
        table = (self.results.get("results") or {}).get(self.task)
        for key in table if isinstance(table, dict) else ():
            metric, _, name = key.partition(",")
            if name in names and not metric.endswith("_stderr"):
                return name
        return names[0] if names else "none"

    def worse_when_higher(self, metric: str) -> bool:
        """Whether less is better of ``metric``, by the results, else by what it is called."""
        said = (self.results.get("higher_is_better") or {}).get(self.task)
        if isinstance(said, dict) and isinstance(said.get(metric), bool):
            return not said[metric]
        return any(re.search(rf"(^|_){word}", metric) for word in _LOWER_IS_BETTER)

    def votes(self, name: str) -> bool:
        """Whether the filter makes one answer of several, so that its score is that of no single one."""
        config = (self.results.get("configs") or {}).get(self.task) or {}
        for one in config.get("filter_list") or ():
            if isinstance(one, dict) and one.get("name") == name:
                steps = [step.get("function") for step in one.get("filter") or () if isinstance(step, dict)]
                return "majority_vote" in steps
        return bool(re.search(r"maj|vote", name))


def _loads(data: bytes) -> dict[str, Any]:
    from optiq.formats.json_stream import loads

    value = loads(data.decode("utf-8"))
    return value if isinstance(value, dict) else {}


def _answers(
    number: int, row: dict[str, Any], run: _Run, chosen: str, others: Mapping[str, Any], wanted: Wanted
) -> Iterator[Answer | NoAnswer]:
    model = run.model or run.path.resolve().parent.name
    doc = row["doc"] if isinstance(row.get("doc"), dict) else {}
    requests = _requests(row.get("arguments"))
    metrics = _metrics(row)
    usable = [name for name in metrics if name != "bypass" and not run.worse_when_higher(name)]
    # Where there are several filters, a score is called as in the table of results.
    called = {name: f"{name},{chosen}" if others else name for name in metrics}
    scores = {called[name]: row.get(name) for name in metrics}
    cells: dict[str, Any] = {
        "run_id": run.path.name.removesuffix(".gz").removesuffix(".jsonl"),
        "question_id": f"{run.task}/{row['doc_id']}",
        "question": _question(doc, requests),
        "started_at": run.began,
    }
    labels = {"task": run.task, **{k: v for k, v in doc.items() if isinstance(v, str | int)}}
    common: dict[str, Any] = {
        "scores": {**scores, **others},
        "score": called[usable[0]] if usable else None,
        "labels": labels,
    }
    identity = ("lm-eval", model, run.task, cells["run_id"], row["doc_id"])
    responses = row["resps"]
    if _is_choice(responses):
        choice = _choice(row, doc, requests, wanted.score or (usable[0] if usable else None))
        if choice is None:
            yield NoAnswer("likelihoods of a text, no answers")
            return
        yield Answer(number, identity, model, {**cells, **choice}, **common)
        return
    texts = [
        text for response in responses for text in (response if isinstance(response, list) else [response])
    ]
    if not all(isinstance(text, str) for text in texts):
        yield NoAnswer("likelihoods of a text, no answers")
        return
    target = _reference(row.get("target"))
    cells["reference"] = target
    cells["kind"] = inferred_form(
        cells["question"] or "", answer_of_solution(target) if target else None
    ).value
    # The filter's score is that of the first text, unless all are alike or the filter lets them vote.
    alike, vote = len(set(texts)) == 1, run.votes(chosen)
    for repeat, text in enumerate(texts):
        scored = alike or (repeat == 0 and not vote)
        yield Answer(
            number,
            (*identity, repeat),
            model,
            {**cells, "answer": text},
            {"output": text},
            **(common if scored else {**common, "scores": {}, "score": None}),
        )


def _metrics(row: Mapping[str, Any]) -> list[str]:
    """The names of a row's scores; of older versions, which do not list them, the keys that are not its own."""
    listed = row.get("metrics")
    return (
        [m for m in listed if isinstance(m, str)]
        if isinstance(listed, list)
        else [k for k in row if k not in _OWN]
    )


def _requests(arguments: Any) -> list[tuple[Any, Any]]:
    """(prompt, second argument) of each request; older versions write lists instead of records."""
    if isinstance(arguments, dict):
        return [(one.get("arg_0"), one.get("arg_1")) for one in arguments.values() if isinstance(one, dict)]
    if isinstance(arguments, list):
        return [
            (one[0], one[1] if len(one) > 1 else None) for one in arguments if isinstance(one, list) and one
        ]
    return []


def _question(doc: Mapping[str, Any], requests: list[tuple[Any, Any]]) -> str | None:
    """The field of the document that holds what is asked, else the prompt (of a chat its last message)."""
    for name in _QUESTIONS:
        if isinstance(doc.get(name), str) and doc[name].strip():
            return str(doc[name])
    prompt = requests[0][0] if requests else None
    if isinstance(prompt, list) and prompt and isinstance(prompt[0], str):
        prompt = prompt[0]
    if isinstance(prompt, str) and prompt.lstrip().startswith("["):
        from optiq.formats.json_stream import loads

        try:
            messages = loads(prompt)
            prompt = messages[-1]["content"]
        except (ValueError, LookupError, TypeError, RecursionError):
            pass
    return prompt if isinstance(prompt, str) else None


def _reference(target: Any) -> str | None:
    if isinstance(target, str):
        return target or None
    if target is None:
        return None
    if isinstance(target, list) and all(isinstance(one, str) for one in target):
        return target[0] if len(target) == 1 else shown(target)
    return shown(target)


def _is_choice(responses: Any) -> bool:
    """Whether the responses are likelihoods: ``[[["-0.1", "False"]], …]``, numbers as texts."""
    return bool(responses) and all(
        isinstance(one, list) and one and isinstance(one[0], list) and len(one[0]) == 2 for one in responses
    )


def _choice(
    row: Mapping[str, Any], doc: Mapping[str, Any], requests: list[tuple[Any, Any]], score: str | None
) -> dict[str, Any] | None:
    """The option that a model finds likeliest, which no field of the row holds; None if there is no choice."""
    likelihoods = [float(one[0]) for one in row["filtered_resps"]]
    half = len(likelihoods) // 2
    if half * 2 == len(requests) > 2 and all(not first for first, _ in requests[half:]):
        likelihoods, requests = (
            likelihoods[:half],
            requests[:half],
        )  # the rest, without a question, is for acc_mutual_info
    if len(likelihoods) < 2:
        return None
    texts = [str(second) for _, second in requests]
    options = [text.strip() for text in texts]
    weighed = likelihoods
    if score == "acc_norm" and len(options) == len(likelihoods):
        weighed = [value / max(1, len(text)) for value, text in zip(likelihoods, texts, strict=True)]
    best = max(range(len(weighed)), key=weighed.__getitem__)
    told = {} if len(options) != len(likelihoods) else {"options": _options(options, doc)}
    if not told.get("options"):
        told = {}
    target = row.get("target")
    gold = int(target) if isinstance(target, str) and target.strip().isdigit() else target
    if isinstance(gold, str) and gold.strip() in options:
        gold = options.index(gold.strip())
    known = isinstance(gold, int) and not isinstance(gold, bool) and 0 <= gold < len(likelihoods)
    if len(likelihoods) > len(_LETTERS):
        return {"kind": "choice", "answer": str(best), "reference": str(gold) if known else None}
    return {
        **told,
        "kind": "choice",
        "answer": _LETTERS[best],
        "reference": _LETTERS[gold] if known and isinstance(gold, int) else None,
    }


def _options(options: list[str], doc: Mapping[str, Any]) -> list[str] | None:
    """The options in words: those of the document where the requests have only letters; None if they are all alike."""
    if len(set(options)) < len(options) or not all(options):
        options = []
    letters = bool(options) and all(a == b for a, b in zip(options, _LETTERS, strict=False))
    if options and not letters:
        return options
    wanted = len(options)
    for value in doc.values():
        listed = value.get("text") if isinstance(value, dict) else value
        if isinstance(listed, list) and len(listed) == wanted and all(isinstance(one, str) for one in listed):
            return [one.strip() for one in listed]
    return options or None
