"""Tasks that find which model to use for which role, by running combinations on labelled examples."""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optiq.configuration import Settings
from optiq.errors import InputError, UnknownName
from optiq.execution.accounting import Prices
from optiq.execution.ledger import Amount, Ledger
from optiq.report.text import usd
from optiq.selection.objective import Objective
from optiq.selection.runtime import Limits, Progress, Ran
from tasks.account import Account
from tasks.orchestration import step

if TYPE_CHECKING:
    import polars as pl

    from warehouse.home import Home

_TELL_EVERY_S = 10.0
_CALLS_ALONE = (
    "a plan has at most 7 nodes, this has more roles: its calls landed one by one, so cost and latency of each model "
    "in its role are learned, the quality of combinations is not"
)


@dataclass(frozen=True)
class SelectionRequest:
    """What `optiq select` was asked for. Of ``agent``, ``plan`` and ``workflow`` exactly one is given.

    ``roles`` has candidates by role; ``settings.models`` are those of every role that names none. ``given`` are the
    parameters as they were given, so that the selection can be gone on with.
    """

    data: str
    settings: Settings
    agent: str | None = None
    plan: str | None = None
    workflow: str | None = None
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    metric: str = "exact"
    agent_field: str | None = None
    model_factory: str | None = None
    repeat_temperature: float = 0.7
    method: str = "arm-elimination"
    options: Mapping[str, Any] = field(default_factory=dict)
    objective: Objective = field(default_factory=Objective)
    limits: Limits = field(default_factory=Limits)
    advisor: str | None = None
    task: str = ""
    table: str | None = None
    deploy: str | None = None
    plot: str | None = None
    profiles: str | None = None
    cache: bool = True
    fresh: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)

    def same(self) -> dict[str, Any]:
        """What tells this selection from others: not where results go, nor how much may be spent at once."""
        names = (
            "agent",
            "plan",
            "workflow",
            "roles",
            "metric",
            "agent_field",
            "model_factory",
            "repeat_temperature",
            "method",
            "options",
            "objective",
            "advisor",
            "task",
        )
        settings = {
            "models": self.settings.models,
            "seed": self.settings.seed,
            "server": self.settings.server,
        }
        return {name: getattr(self, name) for name in names} | settings


@step
def run_selection(request: SelectionRequest) -> dict[str, Any]:
    """Search, land the traces of what was run, write the files that were asked for, and sum up."""
    from optiq.files.output_place import check_output, tell_replaced
    from optiq.selection.api import ModelSelector, SelectionInterrupted
    from optiq.selection.role_figures import role_figures
    from optiq.selection.serving_profiles import check_profiles, serving_profiles, write_profiles
    from optiq.selection.traces import executions_of, too_many_roles
    from tasks.begun_selections import forget_begun, keep_begun
    from tasks.journal import Journal
    from tasks.run_state import open_responses, without_damage
    from tasks.selection_report import keep_selection
    from tasks.session import begin_home, load_statistics, new_run_id
    from warehouse.find_home import find_home

    started = time.time()
    check_code(request)
    for place in (request.table, request.deploy, request.plot, request.profiles):
        if place is not None:
            check_output(place, request.data)
            if place != request.profiles:  # which are put into the file
                tell_replaced(place)
    home = find_home(request.settings.home)
    home.create()
    run_id = new_run_id()
    subject, candidates, server = _subject(request)
    without_damage(home.path / "selection" / "kept.sqlite", "runs that were kept are made again")
    begin_home(request.settings, home)  # its prices are those of the calls
    prices = load_statistics(home) if home.perfdb.exists() else None
    most_usd = request.limits.max_total_cost_usd
    responses = open_responses(home) if request.cache and server is not None else None
    account = Account(home, "selection", request.data, request.same(), most_usd, fresh=request.fresh)
    journal = Journal(home, run_id, "selection")
    journal.recover()
    lock, told, traces = threading.Lock(), [time.monotonic()], [0]

    def on_run(ran: Ran) -> None:
        # In the journal before the outcome is kept: what is kept is not run again, so its trace would be lost.
        executions = executions_of([ran], selector.subject, selector.space, run_id)
        for execution in executions:
            journal.append(execution, "yes")
        if responses is not None:
            responses.delivered({f"{run_id}/{made.question.question_id}" for made in ran.made.executions})
        with lock:
            traces[0] += len(executions)
            due = time.monotonic() - told[0] >= _TELL_EVERY_S
            if due:
                told[0] = time.monotonic()
        if due:
            print(_standing(selector.runtime.progress, most_usd), file=sys.stderr, flush=True)
            journal.tend()

    try:
        selector = ModelSelector(
            subject,
            candidates,
            request.data,
            request.metric,
            reading=request.settings.reading,
            field=request.agent_field,
            make_model=request.model_factory,
            repeat_temperature=request.repeat_temperature,
            method=request.method,
            options=request.options,
            objective=request.objective,
            prices=prices,
            store=home.path / "selection" / "kept.sqlite" if request.cache else None,
            limits=request.limits,
            server=server,
            responses=responses,
            ledger=account.ledger,
            run_id=run_id,
            advisor=_advisor(request, account.ledger, prices),
            task=request.task,
            seed=request.settings.seed,
            on_run=on_run,
        )
    except BaseException:
        account.close(ended=False)
        raise
    ended = False
    try:
        if request.profiles is not None:
            check_profiles(request.profiles, selector.subject, selector.space.roles)
        begun = keep_begun(home, {"data": request.data, **request.same()}, request.given)
        result = selector.select()
        ended = result.finished
    except SelectionInterrupted as stop:
        result = stop.result
        sys.setswitchinterval(1e-4)  # agents that were left behind and compute must not hold up the end
    finally:
        try:
            journal.tend(at_once=True)
        finally:
            if responses is not None:
                responses.close()
            account.close(ended=ended)
    if request.table:
        result.write_table(request.table)
    if request.plot:
        result.write_plot(request.plot)
    if request.deploy and result.ranking.order:
        result.write_yaml(request.deploy)
    if request.profiles and result.ranking.order:
        write_profiles(request.profiles, result, selector.subject)
    roles_note, by_role = None, role_figures(result, selector.subject)
    if ended:
        roles_note = _land_role_figures(home, by_role, run_id)
        forget_begun(begun)
    summary = {
        "run_id": run_id,
        "started_at": f"{datetime.fromtimestamp(started, UTC):%Y-%m-%d %H:%M} UTC",
        "data": request.data,
        "subject": selector.subject.name,
        "method": request.method,
        "objective": request.objective.describe(),
        "metric": selector.runtime.metric.name,
        "examples": selector.problem.n_examples,
        "set_aside": list(selector.examples.set_aside),
        "combinations": len(selector.space),
        "roles": list(selector.space.roles),
        "best": result.best if result.ranking.order else None,
        "floor": result.ranking.floor,
        "note": result.ranking.note,
        "finished": result.finished,
        "runs_of_all": result.evidence.runs / (len(selector.space) * selector.problem.n_examples),
        **result.about["run"],
        "traces": traces[0],
        "roles_note": roles_note,
        "by_role": by_role.to_dicts(),
        "traces_note": _CALLS_ALONE if too_many_roles(selector.space) else None,
        "seconds": time.time() - started,
        "seed": request.settings.seed,
        "results": result.frame().to_dicts(),
    }
    chosen = bool(result.ranking.order)
    served = chosen and selector.subject.topic is not None
    files = {
        "deployable": result.deployable() if chosen else None,
        "profiles": serving_profiles(result, selector.subject) if served else None,
    }
    keep_selection(home, {**summary, **files})
    return summary


def _standing(progress: Progress, most_usd: float | None) -> str:
    """How far a selection is, in one line."""
    spent = usd(progress.spent_usd) + ("" if most_usd is None else f" of {usd(most_usd)}")
    return (
        f"{progress.runs} runs made, {progress.reused} known already, {progress.failed} failed; "
        f"{progress.calls} calls, {spent}"
    )


def _land_role_figures(home: Home, figures: pl.DataFrame, run_id: str) -> str | None:
    """Land what models were in roles, as a statistics file; a line for people if that cannot be used."""
    import polars as pl

    from warehouse.ingest import ingest_statistics

    if figures.is_empty():
        return None
    told = figures.with_columns(
        source=pl.lit(f"optiq select {run_id}"), as_of=pl.lit(datetime.now(UTC).date())
    )
    with tempfile.TemporaryDirectory(prefix="optiq-roles-") as folder:
        file = Path(folder) / "roles.csv"
        told.write_csv(file)
        try:
            ingest_statistics(home, [file])
        except InputError as fault:
            return f"what was learned of models in roles did not land: {fault}"
    return None


def check_code(request: SelectionRequest) -> None:
    """:class:`InputError` if a run of a deployment would import code that ``runs_code`` of `optiq.toml` does not list.

    Who types a command runs code of their own; parameters of a deployment may come from whoever reaches the server.
    """
    if not os.environ.get("PREFECT__FLOW_RUN_ID"):
        return
    for what, name in (
        ("agent", request.agent),
        ("metric", request.metric),
        ("model factory", request.model_factory),
    ):
        if name is not None and ":" in name and name not in request.settings.runs_code:
            raise InputError(
                f"{what} {name!r} would be imported and run, and deployments run no code that is not listed",
                f"List it on the worker's machine: runs_code = [{json.dumps(name)}] in optiq.toml.",
            )


def _subject(request: SelectionRequest) -> tuple[Any, dict[str, tuple[str, ...]], Any]:
    """What is selected for, its candidates, and the server where it needs one."""
    from optiq.selection.stages import plan_subject, read_workflow
    from tasks.session import shared_server

    given = [name for name in ("agent", "plan", "workflow") if getattr(request, name) is not None]
    if len(given) != 1:
        raise InputError(
            "say what to select for",
            "Give exactly one of --agent module:Class, --plan PLAN and --workflow FILE.",
        )
    candidates = dict(request.roles)
    if request.agent is not None:
        if not candidates:
            raise InputError(
                "an agent's roles are not known", "Name them with --role planner=model-a,model-b."
            )
        if request.settings.models is not None:
            raise InputError(
                "an agent has its candidates by role", "Use --role NAME=A,B in place of --models."
            )
        return request.agent, candidates, None
    staged = plan_subject(request.plan) if request.plan is not None else read_workflow(str(request.workflow))
    server = shared_server(request.settings)
    served = [model.name for model in server.list_models()]
    candidates["*"] = request.settings.models or tuple(served)
    named = {model for models in (*candidates.values(), *staged.candidates.values()) for model in models}
    if missing := sorted(named - set(served)):
        raise UnknownName(
            f"the server does not offer {', '.join(missing)}", f"It has {', '.join(served) or 'no model'}."
        )
    return staged, candidates, server


def _advisor(request: SelectionRequest, ledger: Ledger, prices: Prices | None) -> Any:
    """A served model that answers a prompt, billed like any other call; None if none was named."""
    from optiq.errors import AnswerLost, ServerError
    from optiq.execution.accounting import call_bound, charged
    from optiq.questions.question import Kind
    from optiq.servers import GenerateRequest
    from optiq.statistics.snapshot import ANY_TOPIC, ModelFigures
    from tasks.session import shared_server

    if request.advisor is None:
        return None
    server, model = shared_server(request.settings), request.advisor

    figures = ModelFigures(model=model) if prices is None else prices.figures(model, ANY_TOPIC, Kind.OPEN)

    async def ask(prompt: str) -> str:
        asked = GenerateRequest(model, prompt, 512)
        most = call_bound(figures, len(prompt.encode()), 512, datetime.now(UTC))
        hold = ledger.draw(None, most, None)
        cost = math.nan
        try:
            made = await server.generate(asked)
            cost = charged(figures, made.prompt_tokens, made.output_tokens, made.started_at).cost_usd
            return made.text
        except ServerError as fault:
            cost = math.nan if isinstance(fault, AnswerLost) else 0.0
            raise
        finally:
            ledger.settle(hold, Amount(cost))
            await server.disconnect()

    return lambda prompt: asyncio.run(ask(prompt))


def options_in(texts: list[str] | None) -> dict[str, Any]:
    """``name=value`` pairs; values are read as JSON where they are."""
    found: dict[str, Any] = {}
    for text in texts or ():
        name, separator, value = text.partition("=")
        if not separator or not name.strip():
            raise InputError(f"--option {text!r} is not NAME=VALUE", "Such as --option tolerance=0.01.")
        try:
            found[name.strip().replace("-", "_")] = json.loads(value)
        except json.JSONDecodeError:
            found[name.strip().replace("-", "_")] = value
    return found


def roles_in(texts: list[str] | None) -> dict[str, tuple[str, ...]]:
    """``role=model,model`` pairs."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts or ():
        name, separator, value = text.partition("=")
        models = tuple(part.strip() for part in value.split(",") if part.strip())
        if not separator or not name.strip() or not models:
            raise InputError(f"--role {text!r} is not NAME=MODEL,MODEL", "Such as --role planner=a,b.")
        if name.strip() in found:
            raise InputError(
                f"role {name.strip()!r} is given twice", "Give each role once, with all candidates."
            )
        found[name.strip()] = models
    return found


def exists(path: str) -> str:
    """``path`` if there is such a file."""
    if not Path(path).is_file():
        raise InputError(f"no file {path}", "Check the name.")
    return path
