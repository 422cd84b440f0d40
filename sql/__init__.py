"""Every SQL statement longer than a line, as files in a folder per purpose.

``read("merge/calls")`` is the text of a file, ``names("checks")`` what a folder holds, in order.

What is said of every metric is said once, of the cost: a line that ends in ``-- each metric`` stands for one line
per metric of :mod:`optiq.questions.metric`, in which ``cost_usd`` is the metric's name and ``cost`` its word::

    added(cost_usd) as cost_usd, -- each metric

``-- each resource`` leaves the quality out, ``-- each additive`` all but the sums over calls, and ``-- each rate``
repeats ``usd_per_output_token`` for every rate per call or token. A file is plain SQL as it stands: read by another
client, it speaks of the cost alone.

``task_of(kind)`` stands for the task of a kind of question, by the rule of :class:`optiq.questions.question.Kind`. It
is no macro of the database, so that views can have it and every client can read them.
"""

from __future__ import annotations

import re
from importlib import resources

from optiq.questions.metric import ADDITIVE, METRICS, RATES, RESOURCES
from optiq.questions.question import Kind

_EACH = re.compile(r"^(.*?) *-- each (metric|resource|additive|rate)$", re.MULTILINE)
_COST = re.compile(r"(?<![a-z])cost(_usd)?(?![a-z])")
_TASK_OF = re.compile(r"\btask_of\(([\w.]+)\)")


def read(name: str) -> str:
    """The text of ``sql/<name>.sql``, with its lines on each metric, and tasks, written out."""
    text = resources.files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return _TASK_OF.sub(_task_of, _EACH.sub(_written_out, text))


def _task_of(found: re.Match[str]) -> str:
    kind = found[1]
    others = "".join(f" when {kind} = '{one}' then '{one.task}'" for one in Kind if one.task != one.value)
    return f"case{others} else coalesce({kind}, '{Kind.OPEN}') end"


def _written_out(found: re.Match[str]) -> str:
    line, kind = found.groups()
    if kind == "rate":
        return "\n".join(line.replace("usd_per_output_token", rate.name) for rate in RATES)
    metrics = {"metric": METRICS, "resource": RESOURCES, "additive": ADDITIVE}[kind]
    return "\n".join(
        _COST.sub(lambda cost, metric=metric: metric.name if cost[1] else metric.word, line)
        for metric in metrics
    )


def names(folder: str) -> list[str]:
    """The names that :func:`read` takes for the files of ``sql/<folder>``, sorted."""
    found = (entry.name for entry in resources.files(__name__).joinpath(folder).iterdir())
    return sorted(f"{folder}/{name.removesuffix('.sql')}" for name in found if name.endswith(".sql"))
