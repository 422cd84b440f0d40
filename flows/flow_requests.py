"""What the flows take, and the groups of options that verbs share. A verb without a flow declares its own beside it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from flows.declaration import Argument, Option, Request
from optiq.errors import InputError
from optiq.extensions.built_in import FORMATS, PRICE_TABLES, SELECTORS
from optiq.questions.metric import METRICS, Metric
from optiq.questions.question import Budget, parse_share

if TYPE_CHECKING:
    from tasks.calibration import CalibrationRequest
    from tasks.reviewing import ReviewRequest
    from tasks.run_state import RunOptions
    from tasks.selecting import SelectionRequest
    from warehouse.evidence import Part
    from warehouse.home import Home

Json = Annotated[bool, Option("Print JSON for programs.")]


class Place(Request, settings="place"):
    """Where PerfDB is."""

    def home(self) -> Home:
        """The home of PerfDB."""
        from warehouse.find_home import find_home

        return find_home(self.settings.home)


class Seeded(Request, settings="seed"):
    """The seed of everything random."""


def _limit(metric: Metric) -> Option:
    if metric.is_resource:
        return Option(f"Highest {metric.title} of one question.", metric.noun.upper(), common=True)
    return Option(f"Lowest predicted {metric.title} to accept.", "0..1", common=True)


class Limits(
    Request,
    panel="Limits per question",
    numbers={metric.parameter: _limit(metric) for metric in METRICS},
    together="Hard limits on one question; QoA, the quality of an answer, is from 0 to 1.",
):
    """Hard limits on one question, one for each metric."""

    @cached_property
    def budget(self) -> Budget:
        """The limits that are given."""
        return Budget(**{metric.limit: getattr(self, metric.parameter) for metric in METRICS})


class Pool(Request, settings="pool", panel="Planning"):
    """Which models there are to plan over."""

    @property
    def names_pool(self) -> bool:
        """Whether the command itself names them: planning then needs no server."""
        return self.given()["models"] is not None


class Planning(Pool, settings="planning", panel="Planning"):
    """How plans are estimated, searched and chosen."""


class Columns(Request, settings="columns", panel="Planning"):
    """How the columns of a question file are called."""


class Asking(Columns, settings="questions", panel="Planning"):
    """What becomes of a row of a question file."""


class Topic(Asking, panel="Planning"):
    """The topic of what is asked."""

    topic: Annotated[
        str | None, Option("Topic of the question(s); inferred where it is left out.", "TOPIC")
    ] = None


class Prompts(Request, settings="prompts", panel="Models"):
    """How models are asked."""


class Scoring(Request, settings="scoring", panel="Quality"):
    """How good answers are."""


class Judging(Scoring, settings="judging", panel="Quality"):
    """Who grades answers."""


class Serving(Request, settings="serving", panel="Models"):
    """Where models answer."""


class Cache(Request, panel="Models"):
    """Whether what was answered before is taken."""

    cache: Annotated[
        bool,
        Option("Take the outputs of identical earlier calls."),
    ] = True


class Planned(Limits, Planning, Topic, Prompts, Judging, Serving, Seeded, Place):
    """What every verb takes that plans."""


class Spending(Request, panel="The run"):
    """Limits on everything together."""

    max_total_cost: Annotated[float | None, Option("Most to spend altogether.", "USD", common=True)] = None
    max_total_energy: Annotated[float | None, Option("Most energy to use altogether.", "JOULES")] = None


class Doubt(Request, settings="answering", panel="Quality"):
    """Which answers a person should look at."""


class WholeFile(Spending, panel="The run"):
    """What the plans of a file are to come to together."""

    max_total_time: Annotated[float | None, Option("Longest that the run may take.", "SECONDS")] = None
    total_cost_for_qoa: Annotated[
        float | None, Option("Spend what this mean QoA is expected to cost, no more.", "0..1", most=1)
    ] = None


class AnswerQuestions(Planned, Doubt, Cache, WholeFile, settings="running", panel="The run"):
    """`optiq answer`."""

    file: Annotated[
        str, Argument("Questions: .csv, .tsv, .xlsx, .jsonl or .parquet; or a batch's input, .jsonl.", "FILE")
    ]
    output: Annotated[
        str | None,
        Option(
            "Answers: .csv, .tsv, .xlsx, .jsonl or .parquet.",
            "FILE",
            short="-o",
            otherwise="needed but for a dry run",
            common=True,
        ),
    ] = None
    limit: Annotated[int | None, Option("Only the first N questions.", "N", least=1, common=True)] = None
    retry_errors: Annotated[bool, Option("Ask only what failed before.")] = False
    fresh: Annotated[bool, Option("Start over instead of going on with the run.", common=True)] = False
    fail_after: Annotated[int | None, Option("Stop when N questions have failed.", "N", least=1)] = None
    with_questions: Annotated[
        bool | None,
        Option(
            "Have what was asked, and the columns of the question file, among the answers.",
            flag="--with-questions/--without-questions",
            otherwise="in .csv, .tsv and .xlsx",
        ),
    ] = None
    explore: Annotated[
        str | None,
        Option("At most this share of questions goes to models that may be better than they look.", "5%"),
    ] = None

    @property
    def written(self) -> str:
        """Where the answers go; an :class:`InputError` if nobody said it."""
        if self.output is None:
            raise InputError("nobody said where the answers go", "Give a file, such as -o answers.csv.")
        return self.output

    @cached_property
    def options(self) -> RunOptions:
        """How the run goes about it."""
        from tasks.run_state import RunOptions

        return RunOptions(
            self.limit,
            self.retry_errors,
            self.fresh,
            self.cache,
            self.max_total_cost,
            self.max_total_energy,
            self.fail_after,
            self.with_questions,
            self.max_total_time,
            self.total_cost_for_qoa,
            parse_share(self.explore, "--explore"),
        )


class AnswerSharded(AnswerQuestions):
    """`optiq answer --shards`."""

    shards: Annotated[int, Option("Pieces, each answered by whatever worker takes it.", "N", least=1)] = 8
    silence: Annotated[
        float, Option("After so long without a sign of life a shard is started again.", "SECONDS")
    ] = 120.0
    attempts: Annotated[int, Option("So often a shard is started at most.", "N", least=1)] = 3


class CalibrateModels(Planned, Cache, Spending, settings="running", panel="The run"):
    """`optiq calibrate`."""

    file: Annotated[
        str, Argument("Questions, best with a `reference` column; without, agreement counts.", "FILE")
    ]
    label: Annotated[
        str | None,
        Option(
            "Without references: write the questions where one would help most here, for a person.",
            "FILE",
            common=True,
        ),
    ] = None
    plans: Annotated[
        list[str] | None,
        Option("A plan to try, as JSON or expression; may be repeated.", "PLAN", flag="--plan", common=True),
    ] = None
    singles_only: Annotated[bool, Option("Try single models only.")] = False
    per_question: Annotated[int | None, Option("Most plans per question.", "N", least=1, otherwise="all")] = (
        None
    )
    max_executions: Annotated[
        int | None, Option("Most plans to run, each on one question.", "N", otherwise="all", common=True)
    ] = None

    @cached_property
    def wanted(self) -> CalibrationRequest:
        """What is wanted."""
        from tasks.calibration import CalibrationRequest

        return CalibrationRequest(
            self.file,
            self.settings,
            self.budget,
            self.topic,
            tuple(self.plans or ()),
            self.per_question,
            self.singles_only,
            self.cache,
            self.max_executions,
            self.max_total_cost,
            self.max_total_energy,
            self.label,
        )


class ReviewAnswers(Pool, Topic, Serving, Cache, Seeded, Place):
    """`optiq review`."""

    file: Annotated[str, Argument("Questions; references are used if there are any.", "FILE")]
    limit: Annotated[int | None, Option("Only the first N questions.", "N", least=1)] = None

    @cached_property
    def wanted(self) -> ReviewRequest:
        """What is wanted."""
        from tasks.reviewing import ReviewRequest

        return ReviewRequest(self.file, self.settings, self.topic, self.limit, self.cache)


class RefreshPerfDB(Place, settings="refresh"):
    """`optiq refresh`."""

    accept: Annotated[
        list[str] | None,
        Option(
            "Publish although the night is too far from what was known by this rule; may be repeated.", "RULE"
        ),
    ] = None
    full_gate: Annotated[bool, Option("Have Great Expectations judge as well, as scheduled nights do.")] = (
        False
    )


class IngestFiles(Place):
    """`optiq ingest`."""

    files: Annotated[list[str], Argument("Files; of traces also folders.", "FILE...")]


class OtherTools(Request, panel="Files of other tools (traces)"):
    """How logs and evaluations of other tools are read."""

    format: Annotated[
        str | None,
        Option(
            "Which tool wrote them: {names}.",
            "NAME",
            otherwise="told by content",
            choices=FORMATS.names,
            common=True,
        ),
    ] = None
    score: Annotated[
        str | None,
        Option(
            "Which of the tool's scores is the quality; `ours`: score the answers by the references.",
            "NAME",
            otherwise="the tool's first",
            common=True,
        ),
    ] = None
    maps: Annotated[
        list[str] | None,
        Option(
            "What a model of theirs is called here; remembered; may be repeated.",
            "THEIRS=OURS",
            flag="--map",
            common=True,
        ),
    ] = None
    model: Annotated[
        str | None, Option("The model of all answers, where files do not say it.", "MODEL", common=True)
    ] = None
    topic: Annotated[str | None, Option("The topic of all questions.", "TOPIC", common=True)] = None
    topic_from: Annotated[
        str | None,
        Option("What holds the topic: task, tag, or a field of the records.", "FIELD", common=True),
    ] = None
    columns: Annotated[
        list[str] | None,
        Option(
            "Read a column of a table of your own under one of our names: answer=response, or "
            "latency_s=latency_ms (the unit is that of the name); may be repeated.",
            "OURS=THEIRS",
            flag="--column",
            common=True,
        ),
    ] = None
    dry_run: Annotated[bool, Option("Land nothing; show the first rows and the counts.", common=True)] = False


class IngestTraces(IngestFiles, OtherTools):
    """`optiq ingest traces`."""


def _price_tables() -> tuple[str, ...]:
    return PRICE_TABLES


class PriceTable(Request, panel="Price tables (prices)"):
    """Which prices are taken of whom."""

    table: Annotated[
        str,
        Option("Whose table: {names}.", "NAME", flag="--from", choices=_price_tables, common=True),
    ] = "genai-prices"
    provider: Annotated[
        str | None, Option("Who serves the models; needed where providers differ.", "NAME", common=True)
    ] = None
    price_of: Annotated[
        list[str] | None,
        Option(
            "A model to price; may be repeated.", "MODEL", otherwise="those that PerfDB knows", common=True
        ),
    ] = None


class IngestPrices(PriceTable, Place):
    """`optiq ingest prices`."""

    price_file: Annotated[str | None, Option("litellm's table, if not the installed one.", "FILE")] = None


class ScoreAnswers(Scoring, Columns, Place):
    """`optiq score`."""

    answers: Annotated[
        str, Argument("What `optiq answer` wrote, or columns question_id and answer.", "ANSWERS")
    ]
    references: Annotated[
        str, Argument("Columns question_id and reference, or labelled questions.", "REFERENCES")
    ]
    output: Annotated[str | None, Option("Write the scored answers here.", "FILE", short="-o")] = None


class Executions(Request, panel="Which executions"):
    """Recorded executions: of files, or else of PerfDB."""

    traces: Annotated[
        list[str] | None,
        Option(
            "Recorded executions: .parquet, .jsonl or .csv; may be repeated.",
            "FILE",
            otherwise="those in PerfDB",
            common=True,
        ),
    ] = None
    since: Annotated[
        str | None, Option("Begun from then on: 2026-10-01, or 30d ago.", "TIME", common=True)
    ] = None
    until: Annotated[str | None, Option("Begun before: 2026-11-01, or 7d ago.", "TIME")] = None
    run: Annotated[str | None, Option("Only of runs that begin so.", "PREFIX", short="--run-id")] = None
    prompt: Annotated[
        str | None,
        Option(
            "Only with this prompt set; sets are never pooled.",
            "SET",
            otherwise="the one on most questions",
        ),
    ] = None
    max_questions: Annotated[
        int | None, Option("Most questions to replay.", "N", least=10, otherwise="5000")
    ] = None

    @cached_property
    def part(self) -> Part:
        """Which executions are wanted."""
        from warehouse.evidence import MOST_QUESTIONS, Part

        most = self.max_questions or MOST_QUESTIONS
        return Part.between(self.since, self.until, self.run, self.prompt, most)


class EvaluatePolicies(Executions, Limits, Planning, Seeded, Place):
    """`optiq evaluate`."""

    policies: Annotated[
        list[str] | None,
        Option(
            "What to replay, such as opti-q, single:phi4:14b, opti-q:neighbours=off; may be repeated.",
            "NAME[:OPTIONS]",
            flag="--policy",
            otherwise="all",
            common=True,
        ),
    ] = None
    folds: Annotated[int, Option("Folds by question.", "N", least=2)] = 5
    repeats: Annotated[int, Option("How often the folds are drawn anew.", "N", least=1)] = 1
    embedding: Annotated[
        bool, Option("Ask past questions that are like the one asked, as `optiq plan` does.")
    ] = True
    output: Annotated[
        str | None,
        Option(
            "Write one row per policy and question: .csv, .jsonl, .parquet.", "FILE", short="-o", common=True
        ),
    ] = None
    report: Annotated[str | None, Option("Write one HTML page with charts.", "PAGE.html", common=True)] = None


class Subject(Request, panel="What to select for"):
    """Of agent, plan and workflow exactly one."""

    agent: Annotated[
        str | None,
        Option("An agent class, module:Class or file.py:Class; this runs its code.", "CLASS", common=True),
    ] = None
    plan: Annotated[str | None, Option("A plan whose nodes are named after roles.", "PLAN", common=True)] = (
        None
    )
    workflow: Annotated[str | None, Option("A staged workflow in YAML.", "FILE", common=True)] = None
    roles: Annotated[
        list[str] | None,
        Option("Candidates of a role; may be repeated.", "NAME=A,B", flag="--role", common=True),
    ] = None


class Examples(Request, panel="What to select for"):
    """What of an example an agent gets."""

    agent_field: Annotated[
        str | None,
        Option(
            "The column that an agent gets.",
            "COLUMN",
            flag="--field",
            otherwise="the row without its reference",
        ),
    ] = None
    model_factory: Annotated[
        str | None,
        Option("Makes an agent's model objects of names, module:function; this runs its code.", "FUNCTION"),
    ] = None


class Aim(Request, panel="What is best"):
    """The objective of a selection, on means over the examples."""

    metric: Annotated[
        str | None,
        Option(
            "exact, containment, cosine or module:function; that runs its code.", "METRIC", otherwise="exact"
        ),
    ] = None
    objective: Annotated[
        str | None, Option("accuracy, cheapest or penalised.", "AIM", otherwise="accuracy", common=True)
    ] = None
    floor: Annotated[
        float | None,
        Option("Least accuracy for `cheapest`.", "0..1", otherwise="best same-model accuracy − θ"),
    ] = None
    cost_weight: Annotated[float | None, Option("Penalty per USD.", "WEIGHT")] = None
    latency_weight: Annotated[float | None, Option("Penalty per second.", "WEIGHT")] = None
    max_cost: Annotated[float | None, Option("Most that an example may cost on average.", "USD")] = None
    max_latency: Annotated[
        float | None, Option("Longest that an example may take on average.", "SECONDS")
    ] = None
    min_accuracy: Annotated[float | None, Option("Least accuracy.", "0..1")] = None


class Search(Request, panel="How it is run"):
    """How a selection goes about it."""

    method: Annotated[
        str | None,
        Option(
            "Which method decides what to run: {names}.",
            "NAME",
            otherwise="arm-elimination",
            choices=SELECTORS.names,
            common=True,
        ),
    ] = None
    options: Annotated[
        list[str] | None,
        Option("An option of the method; may be repeated.", "NAME=VALUE", flag="--option"),
    ] = None
    repeat_temperature: Annotated[
        float | None,
        Option("Of repeated runs of plans and workflows, for θ.", "T", otherwise="0.7"),
    ] = None
    max_total_cost: Annotated[
        float | None,
        Option("Most that the selection may be billed, until it is finished.", "USD", common=True),
    ] = None
    unknown_prices: Annotated[
        str | None,
        Option(
            "Under that limit a call of an agent without a known price stops, or costs as the dearest.",
            "stop|dearest",
            otherwise="stop",
        ),
    ] = None
    fresh: Annotated[bool, Option("Count what it is billed from 0 again.")] = False
    timeout: Annotated[float | None, Option("Longest that one run may take.", "SECONDS", otherwise="120")] = (
        None
    )
    combinations_at_once: Annotated[
        int | None, Option("Combinations in progress.", "N", least=1, otherwise="4")
    ] = None
    examples_at_once: Annotated[
        int | None, Option("Examples of each in progress.", "N", least=1, otherwise="4")
    ] = None
    calls_at_once: Annotated[
        int | None, Option("Model calls in flight in all.", "N", least=1, otherwise="8")
    ] = None
    advisor: Annotated[str | None, Option("The served model that lm-proposal asks.", "MODEL")] = None
    task: Annotated[str | None, Option("What the agent does, in words, for lm-proposal.", "TEXT")] = None


class Results(Request, panel="Results"):
    """Where a selection is written down."""

    table: Annotated[str | None, Option("Write the ranked table, .csv or .parquet.", "FILE")] = None
    deploy: Annotated[str | None, Option("Write the chosen models as YAML.", "FILE")] = None
    plot: Annotated[str | None, Option("Draw the frontier, .svg or .png.", "FILE")] = None
    profiles: Annotated[
        str | None,
        Option("Write a profile of `optiq serve` for each role into this file, such as optiq.toml.", "FILE"),
    ] = None


class SelectModels(Subject, Examples, Asking, Pool, Aim, Search, Results, Serving, Seeded, Place, Cache):
    """`optiq select`."""

    file: Annotated[str | None, Argument("Questions with a `reference` column.", "FILE")] = None
    resume: Annotated[
        bool,
        Option(
            "Go on with the selection that was broken off last; what is given besides takes the place of what was.",
            common=True,
        ),
    ] = False

    @cached_property
    def selection(self) -> SelectionRequest:
        """What is to be selected."""
        own = {
            one.name: getattr(self, one.name)
            for one in self.parameters()
            if one.name not in ("resume", "fresh")
        }
        plain = {one.name: one.default for one in self.parameters()}
        given = {name: value for name, value in own.items() if value != plain[name]}
        if self.resume:
            from tasks.begun_selections import latest_begun

            return SelectModels(**{**latest_begun(self.home()), **given, "fresh": self.fresh}).selection
        if self.file is None:
            raise InputError("no file of labelled questions is given", "Name one, or go on: --resume.")
        return self._selection(self.file, given)

    def _selection(self, file: str, as_given: dict[str, Any]) -> SelectionRequest:
        from optiq.selection.objective import Objective
        from optiq.selection.runtime import Limits as RunLimits
        from tasks.selecting import SelectionRequest, exists, options_in, roles_in

        as_they_are = (
            *("agent", "plan", "workflow", "agent_field", "model_factory", "advisor"),
            *("table", "deploy", "plot", "profiles", "cache", "fresh"),
        )
        given: dict[str, Any] = {name: getattr(self, name) for name in as_they_are}
        return SelectionRequest(
            exists(file),
            self.settings,
            **given,
            given=as_given,
            roles=roles_in(self.roles),
            metric=self.metric or "exact",
            repeat_temperature=0.7 if self.repeat_temperature is None else self.repeat_temperature,
            method=self.method or "arm-elimination",
            options=options_in(self.options),
            objective=Objective(
                self.objective or "accuracy",
                self.floor,
                self.cost_weight or 0.0,
                self.latency_weight or 0.0,
                self.max_cost,
                self.max_latency,
                self.min_accuracy,
            ),
            limits=RunLimits(
                self.combinations_at_once or 4,
                self.examples_at_once or 4,
                self.calls_at_once or 8,
                self.timeout or 120.0,
                self.max_total_cost,
                self.unknown_prices or "stop",
            ),
            task=self.task or "",
        )
