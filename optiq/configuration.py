"""Settings: ``optiq.toml`` (or ``$OPTIQ_CONFIG``), overridden by ``OPTIQ_*`` variables, overridden by flags.

A setting is declared once, as a field of :class:`Settings`: its key in the file, its variable, its flag and flow
parameter in every command of its group, its help and how it is read all come from there.

API keys are no settings: servers read them from the environment, so that they are never written anywhere. A file in
the current folder does not say where they go (:mod:`optiq.servers.trust`).
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optiq.errors import ConfigurationError, InputError, meant
from optiq.extensions.built_in import ESTIMATORS, PLANNERS, QUALITY_METRICS, SERVERS
from optiq.files.others_text import parse_toml
from optiq.prompts import BARE, PROMPT_NAMES
from optiq.questions.question import BEST_ANSWER, PREFERENCES, Kind, Weights, parse_number
from optiq.questions.reading import Reading
from optiq.servers.addresses import refuse_secrets
from optiq.servers.trust import distrust, trust

if TYPE_CHECKING:
    from optiq.endpoint.profiles import Profile
    from optiq.execution.judge import Judge
    from optiq.prompts.variants import Variant
    from optiq.scoring.metrics import Metrics
    from optiq.servers.configured import ConfiguredServer

FORMS = ("short", *(kind.value for kind in Kind))
"""Every form of an answer, as people may write it."""

Reader = Callable[[Any, str], Any]
"""From what was given and where (``--seed``, ``seed in optiq.toml``) to the value of a setting."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of a setting beside its type.

    ``group`` says which commands have a flag for it (empty: none), ``kind`` is the type of flag and flow parameter.
    These are called ``parameter`` and written ``flag`` where they are not called like the setting. ``help`` may hold
    ``{names}``: there stand the ``choices``, looked up when they are needed, since other packages may add some.
    ``otherwise`` says in words what holds where nothing is given, if not the default. ``common`` ones are shown first;
    an ``example`` is what the file may say of it.
    """

    reads: Reader
    group: str = ""
    help: str = ""
    metavar: str | None = None
    kind: type = str
    parameter: str = ""
    flag: str = ""
    otherwise: str = ""
    choices: Callable[[], Sequence[str]] | None = None
    common: bool = False
    example: str = ""
    name: str = ""
    default: Any = None


def listed(names: Sequence[str]) -> str:
    """``a, b or c``."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def _setting(default: Any, reads: Reader | None = None, group: str = "", *shown: Any, **more: Any) -> Any:
    choices = more.get("choices")
    reads = reads or (_text if choices is None else _one_of(choices))
    return field(default=default, metadata={"about": Setting(reads, group, *shown, **more)})


def _by(module: str, name: str) -> Reader:
    """A reader that stands elsewhere; what it needs is imported when there is something to read."""

    def read(value: Any, origin: str) -> Any:
        return getattr(importlib.import_module(module), name)(value, origin)

    return read


_servers = _by("optiq.servers.configured", "read_servers")


def _text(value: Any, origin: str) -> str:
    if not isinstance(value, str | Path):
        raise ConfigurationError(f"{origin} is {value!r}", "Give text.")
    return str(value)


def _address(value: Any, origin: str) -> str:
    """A URL or a path; a URL holds no secret, as it is stored with runs and shown."""
    text = _text(value, origin)
    for url in text.split(","):
        if "://" in url or re.match(r"(?://)?[^/\\\s]*:[^/\\\s]*@", url):
            refuse_secrets(url, origin)
    return text


def _one_of(choices: Callable[[], Sequence[str]]) -> Reader:
    def read(value: Any, origin: str) -> str:
        if value not in choices():
            *others, last = choices()
            raise ConfigurationError(f"{origin} is {value!r}", f"Give {', '.join(others)} or {last}.")
        return str(value)

    return read


def _whole(least: int) -> Reader:
    def read(value: Any, origin: str) -> int:
        try:
            number = int(str(value))
        except ValueError:
            raise ConfigurationError(f"{origin} is {value!r}", "Give a whole number.") from None
        if number < least:
            raise ConfigurationError(f"{origin} is {number}", f"Give a number from {least} up.")
        return number

    return read


def _number(accepts: Callable[[float], bool], remedy: str) -> Reader:
    def read(value: Any, origin: str) -> float:
        try:
            number = parse_number(value, origin)
        except InputError:
            number = None
        if number is None or not accepts(number):
            raise ConfigurationError(f"{origin} is {value}", remedy)
        return number

    return read


def _switch(value: Any, origin: str) -> bool:
    said = str(value).lower()
    if said in ("true", "on", "yes", "1"):
        return True
    if said in ("false", "off", "no", "0"):
        return False
    raise ConfigurationError(f"{origin} is {value!r}", "Give true or false.")


def _auto_or_off(value: Any, origin: str) -> str:
    if isinstance(value, bool):
        return "auto" if value else "off"
    return str(_one_of(lambda: ("auto", "off"))(value, origin))


def _model_names(value: Any, origin: str) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else list(value)
    names = tuple(dict.fromkeys(str(part).strip() for part in parts if str(part).strip()))
    if not names:
        raise ConfigurationError(f"{origin} names no model", "Give model names separated by commas.")
    return names


def _names_of_code(value: Any, origin: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(
        isinstance(name, str) and ":" in name for name in value
    ):
        raise ConfigurationError(
            f"{origin} is {value!r}",
            'Give a list of module:name or file.py:name, such as ["agent.py:Agent"].',
        )
    return tuple(value)


def _columns(value: Any, origin: str) -> tuple[tuple[str, str], ...]:
    """``reference=answer`` pairs, as a table, a list or text with commas; each of ours once."""
    if isinstance(value, Mapping):
        value = value.items()
    given = value.split(",") if isinstance(value, str) else list(value)
    parts: list[str] = []
    for part in (part if isinstance(part, str) else "=".join(map(str, part)) for part in given):
        if parts and part.strip() and "=" not in part and parts[-1].lstrip().startswith("options="):
            parts[-1] += f",{part}"  # options=A,B,C
        elif part.strip():
            parts.append(part)
    pairs = [tuple(side.strip() for side in part.partition("=")[::2]) for part in parts]
    for ours, theirs in pairs:
        if not ours or not theirs:
            raise ConfigurationError(f"{origin} is {value!r}", "Give NAME=COLUMN, such as reference=answer.")
    if len({ours for ours, _ in pairs}) < len(pairs):
        raise ConfigurationError(f"{origin} names a column twice: {value!r}", "Give each name one column.")
    return tuple((ours, theirs) for ours, theirs in pairs)


def _index(value: Any, origin: str) -> int:
    if str(value).strip() not in ("0", "1"):
        raise ConfigurationError(
            f"{origin} is {value!r}", "Give 0 or 1: what the number of an option counts from."
        )
    return int(value)


def _metrics(value: Any, origin: str) -> tuple[tuple[str, str], ...]:
    """``rouge-l`` or ``long=rouge-l``, as text with commas, a list or a table; pairs of form (or "") and metric."""
    if isinstance(value, Mapping):
        value = value.items()
    given = value.split(",") if isinstance(value, str) else list(value)
    parts = [part if isinstance(part, str) else "=".join(filter(None, map(str, part))) for part in given]
    pairs = []
    for part in parts:
        form, _, name = part.rpartition("=")
        form, name = form.strip().lower(), name.strip()
        if form and form not in FORMS:
            raise ConfigurationError(f"{origin} names the form {form!r}", f"Forms are {', '.join(FORMS)}.")
        if not name:
            raise ConfigurationError(f"{origin} names no metric", "Give METRIC or FORM=METRIC.")
        if ":" not in name:
            QUALITY_METRICS.check(name)
        pairs.append((form, name))
    return tuple(pairs)


def _template(value: Any, origin: str) -> str:
    """A template, or the content of the file that it names."""
    text = _text(value, origin)
    if "{" not in text and "\n" not in text and Path(text).is_file():
        try:
            text = Path(text).read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as fault:
            raise ConfigurationError(f"{origin} cannot be read: {fault}", "Give a text file.") from None
    if "{" not in text:
        raise ConfigurationError(
            f"{origin} names no column: {text!r}", "Write columns in braces, such as {text}."
        )
    return text


def _weights(value: Any, origin: str) -> Weights:
    if isinstance(value, Weights):
        return value
    if isinstance(value, Mapping):
        given = {key: part for key, part in value.items() if part is not None}
        if given.get("first"):
            return next(one for one in PREFERENCES.values() if one.first == given["first"])
        if "worth_usd" in given:
            return Weights(worth_usd=given["worth_usd"])
        value = ",".join(f"{key}={part}" for key, part in given.items())
    return Weights.parse(str(value))


@dataclass(frozen=True, slots=True)
class Settings:
    """What a command runs with."""

    home: str = _setting(
        ".optiq",
        _address,
        "place",
        "Home of PerfDB.",
        "DIR",
        parameter="perfdb",
        otherwise="$OPTIQ_HOME or .optiq",
    )
    server: str = _setting(
        "auto",
        _text,
        "serving",
        "{names}, or servers of optiq.toml, separated by commas; auto: all of these, else Ollama if it answers, else "
        "embedded.",
        "NAME",
        choices=SERVERS.names,
        common=True,
    )
    server_url: str | None = _setting(
        None,
        _address,
        "serving",
        "Address of the model server, if not its usual one; several, separated by commas, share the calls.",
        "URL",
    )
    concurrency: int | None = _setting(
        None,
        _whole(1),
        "serving",
        "Calls in flight on one server.",
        "N",
        int,
        otherwise="as many as are worth it, found by trying",
    )
    models: tuple[str, ...] | None = _setting(
        None,
        _model_names,
        "pool",
        "The pool to plan over; `recommended` or `recommended:3` for what `optiq recommend` says of the served ones.",
        "A,B,…",
        otherwise="every served model PerfDB knows",
        common=True,
    )
    blender: str | None = _setting(
        None,
        None,
        "planning",
        "Model of blend nodes.",
        "MODEL",
        otherwise="the served one with the highest QoA",
    )
    columns: tuple[tuple[str, str], ...] = _setting(
        (),
        _columns,
        "columns",
        "Read a column of the question file under another name, such as reference=answer, options=A,B,C,D or a part of "
        "its records, question=question.stem; may be repeated.",
        "NAME=COLUMN",
        kind=list[str],
        flag="--column",
        otherwise="columns have our names",
    )
    reference_index: int | None = _setting(
        None,
        _index,
        "columns",
        "References to options are their numbers, counted from 0 or 1.",
        "0|1",
        kind=int,
        otherwise="letters, labels of the file, or the options' texts",
    )
    template: str | None = _setting(
        None,
        _template,
        "questions",
        "Prompt of your own over the columns of the file, such as 'Translate to {language}: {text}', or a file with "
        "it; models are then asked just that (--prompt bare).",
        "TEXT|FILE",
    )
    form: str | None = _setting(
        None,
        None,
        "questions",
        "Form of answers to questions that name none: {names}.",
        "FORM",
        choices=lambda: ("short", "long", "number", "code", "json"),
        otherwise="inferred for each question",
    )
    metric: tuple[tuple[str, str], ...] = _setting(
        (),
        _metrics,
        "scoring",
        "What the quality of an answer is: a name ({names}) or module:function, of one form as FORM=METRIC; may be "
        "repeated.",
        "METRIC",
        choices=QUALITY_METRICS.names,
        kind=list[str],
        otherwise="by the form of the answer",
    )
    judge: str | None = _setting(
        None, None, "judging", "The served model that grades answers (--metric judge).", "MODEL"
    )
    judge_itself: bool = _setting(
        False,
        _switch,
        "judging",
        "Let a judge grade answers that it had a part in.",
        kind=bool,
        flag="--judge-itself/--judge-others",
        otherwise="others only",
    )
    run_programs: bool = _setting(
        False,
        _switch,
        "scoring",
        "Run programs that models wrote, with their tests (--metric tests): in a process with limits, no prison.",
        kind=bool,
        flag="--run-programs/--no-run-programs",
        otherwise="never",
    )
    planner: str = _setting(
        "exact",
        None,
        "planning",
        "Which planner searches: {names}.",
        "NAME",
        choices=PLANNERS.names,
    )
    estimator: str = _setting(
        "shrunk",
        None,
        "planning",
        "How plans are estimated: {names} (shrunk: drawn to their parts).",
        "HOW",
        choices=ESTIMATORS.names,
    )
    neighbours: str = _setting(
        "auto",
        _auto_or_off,
        "planning",
        "Estimate models by how they did on the past questions most like each one.",
        kind=bool,
        otherwise="--neighbours",
    )
    looks: bool = _setting(
        True,
        _switch,
        "planning",
        "Estimate costs by how questions look, too (length, digits, …).",
        kind=bool,
        otherwise="--looks",
    )
    max_operations: int = _setting(3, _whole(1), "planning", "Most model calls in one plan.", "K", int)
    bound_operations: str = _setting(
        "upper",
        None,
        "planning",
        "How a budget bounds the calls in a plan: {names} (sample: with --seed).",
        "HOW",
        choices=lambda: ("upper", "sample", "none"),
    )
    weights: Weights = _setting(  # noqa: RUF009 - the default is frozen
        BEST_ANSWER,
        _weights,
        "planning",
        "Preference on the frontier: cost, latency, energy, qoa; they sum to 1 (equal: all the same). Or worth=USD, "
        "what a right answer is worth: then the plan that yields most for its cost.",
        "NAME=W,…",
        otherwise="the best answer",
    )
    prefer: str | None = _setting(
        None,
        None,
        "planning",
        "Of the plans within the limits: {names}.",
        "WORD",
        choices=lambda: ("quality", "balanced", "cheap", "fast", "cheapest"),
        otherwise="quality",
        common=True,
    )
    cheapest: bool = _setting(
        False,
        _switch,
        "planning",
        "The cheapest plan within the limits, such as above a floor of QoA (--prefer cheapest).",
        kind=bool,
        otherwise="--no-cheapest",
    )
    confidence: float | None = _setting(
        None,
        _number(
            lambda p: 0 < p < 1,
            "Give a probability between 0 and 1, such as 0.95, or leave it out: limits then hold for what is expected.",
        ),
        "planning",
        "Hold the limits with this probability, such as 0.95, and compare plans by what is sure.",
        "0..1",
        float,
        otherwise="see --safe-limits",
    )
    caution: float = _setting(
        0.0,
        _number(
            lambda d: d >= 0,
            "Give standard deviations from 0 up, such as 0.5; 0 turns it off.",
        ),
        "planning",
        "Judge the quality of plans so many standard deviations below what is expected, such as 0.5.",
        "SD",
        float,
    )
    safe_limits: bool = _setting(
        True,
        _switch,
        "planning",
        "Hold limits on cost, latency and energy with 95 % where runs tell how much they scatter.",
        kind=bool,
        otherwise="yes; --no-safe-limits holds them for expected figures",
    )
    gain_probability: float = _setting(
        0.8,
        _number(
            lambda p: 0.5 <= p < 1, "Give a probability from 0.5 (any gain will do) to below 1, such as 0.8."
        ),
        "planning",
        "Replace the best single model only by a plan that is better with this probability.",
        "0.5..1",
        float,
    )
    seed: int = _setting(0, _whole(0), "seed", "Seed of everything random; stored with results.", "N", int)
    chunk_size: int = _setting(25, _whole(1), "running", "Questions per task.", "N", int)
    ask_person_below: float | None = _setting(
        None,
        _number(lambda p: 0 < p <= 1, "Give a probability from 0 to 1, such as 0.5."),
        "answering",
        "Mark answers that a person should look at: those less probably right than this (column ask_person).",
        "0..1",
        float,
        otherwise="none",
    )
    max_output_tokens: int | None = _setting(
        None,
        _whole(1),
        "prompts",
        "Most tokens of an output, whatever the form of the answer.",
        "N",
        kind=int,
        otherwise="by the form of the answer",
    )
    timeout_s: float = _setting(
        120.0,
        _number(lambda s: s > 0, "Give seconds, more than 0."),
        help="How long one attempt of a call may take.",
        kind=float,
    )
    timeout_tries: int = _setting(
        2,
        _whole(1),
        help="How often a call is made in all that gets no answer in that time.",
        kind=int,
    )
    prompt: str = _setting(
        "zero-shot", None, "prompts", "How models are asked: {names}.", "SET", choices=lambda: PROMPT_NAMES
    )
    system: str | None = _setting(
        None,
        None,
        "prompts",
        "What stands before everything that models are asked, such as 'You are a careful physician.'",
        "TEXT",
        otherwise="nothing",
    )
    temperature: float = _setting(
        0.0,
        _number(lambda t: 0 <= t <= 2, "Give a number from 0 to 2."),
        "prompts",
        "How freely models write; above 0, the same question may be answered otherwise, and nothing is taken from "
        "earlier calls.",
        "T",
        float,
    )
    examples: str | None = _setting(
        None, None, "prompts", "Labelled questions for --prompt few-shot.", "FILE", otherwise="PerfDB's"
    )
    variants: tuple[Variant, ...] = _setting(
        (),
        _by("optiq.prompts.variants", "read_variants"),
        help="Models with a prompt set or a cap of their own, planned over like any model.",
        kind=dict,
        example='[variants."phi4:14b+short"]\nmodel = "phi4:14b"\nmax_output_tokens = 64',
    )
    runs_code: tuple[str, ...] = _setting(
        (),
        _names_of_code,
        help="What deployments may import and run on this machine: `file.py:Class` or `module:function`.",
        kind=list,
        example='runs_code = ["agent.py:Agent"]',
    )
    servers: tuple[ConfiguredServer, ...] = _setting(
        (),
        _servers,
        help="Servers by name: dialect, address, the variable that holds the key, limits, prices.",
        kind=dict,
        example='[servers.hosted]\ndialect = "openai"\nurl = "https://llm.example/v1"\nkey_env = "MY_KEY"',
    )
    constrain: bool = _setting(
        True,
        _switch,
        "prompts",
        "Hold answers to the letters of options where the server can.",
        kind=bool,
        otherwise="--constrain",
    )
    stop_loops: bool = _setting(
        True,
        _switch,
        "prompts",
        "End long answers, code and JSON that repeat themselves word for word, where the server can.",
        kind=bool,
        otherwise="--stop-loops",
    )
    profiles: tuple[Profile, ...] = _setting(
        (),
        _by("optiq.endpoint.profiles", "read_profiles"),
        help="Names that clients of `optiq serve` ask for, each with limits and a preference.",
        kind=dict,
        example='[profiles.cheap]\nmin_qoa = 0.5\nweights = "cost=1"',
    )
    features: tuple[tuple[str, tuple[str, ...]], ...] = _setting(
        (),
        _by("optiq.endpoint.profiles", "read_features"),
        help="Which models have what some requests need (tools, images, …).",
        kind=dict,
        example='[features]\nimages = ["llava:7b"]',
    )
    genfuser: str | None = _setting(
        None, help="The folder or hub name of a GenFuser that may be the blender.", otherwise="none"
    )
    probe: bool = _setting(
        True,
        _switch,
        "serving",
        "Ask models of this machine that nobody measured two short questions first.",
        kind=bool,
        otherwise="--probe",
    )
    energy: str = _setting(
        "auto",
        help="Energy of calls: {names}; auto: measured where it can be.",
        choices=lambda: ("auto", "measured", "predicted"),
    )
    keep: int = _setting(7, _whole(1), "refresh", "Snapshots to keep.", "N", int)
    half_life_days: float = _setting(
        180.0,
        _number(lambda days: days >= 0, "Give a number of days, or 0 to turn it off."),
        "refresh",
        "Days after which an observation counts half; 0: age does not matter.",
        "DAYS",
        float,
        flag="--half-life",
    )
    distrust_drifted: bool = _setting(
        False,
        _switch,
        "refresh",
        "Start the statistics of a drifted model again at its drift.",
        kind=bool,
        flag="--distrust-drifted/--trust-drifted",
        otherwise="trust",
    )
    topic_model: str = _setting(
        "centroid",
        None,
        "refresh",
        "How topics are told: {names}.",
        "NAME",
        choices=lambda: ("centroid", "bertopic"),
    )

    @property
    def reading(self) -> Reading:
        """How question files are read."""
        return Reading(self.columns, self.form, self.template, self.reference_index)

    @property
    def metrics(self) -> Metrics:
        """Which metric is the quality of which form."""
        from optiq.scoring.metrics import Metrics

        return Metrics(self.metric, self.run_programs)

    @property
    def grader(self) -> Judge | None:
        """The model that grades answers, if there is one."""
        from optiq.execution.judge import Judge

        return None if self.judge is None else Judge(self.judge, self.judge_itself)

    @classmethod
    def load(
        cls, flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
    ) -> Settings:
        """Defaults, then the file, then the environment, then the flags that are not ``None``.

        Raises
        ------
        ConfigurationError
            naming the file or variable whose value cannot be used.
        """
        environ = os.environ if environ is None else environ
        given = {
            name: (value, SETTINGS[name].flag.split("/")[0])
            for name, value in (flags or {}).items()
            if value is not None
        }
        settings, said_prompt = cls(), False
        if {"weights", "prefer"} <= given.keys():
            raise ConfigurationError("--weights and --prefer are both given", "Give one of them.")
        if given.get("cheapest", (False,))[0] and {"weights", "prefer"} & given.keys():
            raise ConfigurationError("--cheapest is given beside --weights or --prefer", "Give one of them.")
        from_file = _from_file(environ)
        named = () if "OPTIQ_CONFIG" in environ else _addresses(from_file)
        for url, origin in named:
            distrust(url, origin, environ)
        for layer in (from_file, _from_environment(environ), given):
            read = {name: SETTINGS[name].reads(value, origin) for name, (value, origin) in layer.items()}
            if read.get("cheapest"):
                read["prefer"] = "cheapest"
            if "prefer" in read and "weights" not in read:
                read["weights"] = PREFERENCES[read["prefer"]]
            settings = replace(settings, **read)
            said_prompt = said_prompt or "prompt" in read
            for name in ("server_url", "home") if layer is not from_file or "OPTIQ_CONFIG" in environ else ():
                for url in read[name].split(",") if name in read else ():
                    trust(url)
        if environ.get("PREFECT__FLOW_RUN_ID"):
            _check_code(settings, {name: SETTINGS[name].reads(*told) for name, told in from_file.items()})
        if settings.judge is None and any(name == "judge" for _, name in settings.metric):
            raise ConfigurationError(
                "the metric judge needs a model that grades", "Name a served model: --judge MODEL."
            )
        if settings.template is not None and not said_prompt:
            return replace(settings, prompt=BARE)
        return settings


def _addresses(layer: Mapping[str, tuple[Any, str]]) -> list[tuple[str, str]]:
    """The addresses that a file names, and where each stands."""
    found = [
        (url, layer[name][1])
        for name in ("server_url", "home")
        if name in layer
        for url in str(layer[name][0]).split(",")
    ]
    if "servers" in layer:
        found += [
            (one.url, layer["servers"][1]) for one in _servers(*layer["servers"]) if one.url is not None
        ]
    return found


def _declared(about: Setting, name: str, default: Any) -> Setting:
    parameter = about.parameter or name
    flag = about.flag or f"--{parameter.replace('_', '-')}"
    return replace(about, name=name, default=default, parameter=parameter, flag=flag)


SETTINGS = {f.name: _declared(f.metadata["about"], f.name, f.default) for f in fields(Settings)}
"""Every setting by name."""


def _from_file(environ: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    given = environ.get("OPTIQ_CONFIG")
    path = Path(given or "optiq.toml")
    if not path.is_file():
        if given:
            raise ConfigurationError(
                f"$OPTIQ_CONFIG names {path}, which is no file", "Point it at a TOML file or unset it."
            )
        return {}
    try:
        table = parse_toml(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as fault:
        raise ConfigurationError(
            f"{path} cannot be read as TOML: {fault}", "Mend the file or remove it."
        ) from None
    for name in table:
        if name not in SETTINGS:
            hint = meant(name, SETTINGS, f"Known settings: {', '.join(SETTINGS)}.")
            raise ConfigurationError(f"{path} sets {name!r}, which is no setting", hint)
    return {name: (value, f"{name} in {path}") for name, value in table.items()}


def origins(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Where each setting that is given comes from: a key of the file, or a variable, which goes before."""
    environ = os.environ if environ is None else environ
    layers = {**_from_file(environ), **_from_environment(environ)}
    return {name: origin for name, (_, origin) in layers.items()}


def key_variables(settings: Settings) -> tuple[str, ...]:
    """The variables that keys of model servers are read from."""
    named = (one.key_env for one in settings.servers if one.key_env)
    return tuple(dict.fromkeys(("OPTIQ_OPENAI_API_KEY", "OPENAI_API_KEY", *named)))


def _check_code(settings: Settings, of_file: Mapping[str, Any]) -> None:
    """A run of a deployment imports and runs what the machine's own file lists, whatever its parameters say."""
    listed = {*settings.runs_code, *(name for _, name in of_file.get("metric", ()))}
    unlisted = [name for _, name in settings.metric if ":" in name and name not in listed]
    if unlisted:
        raise ConfigurationError(
            f"metric {unlisted[0]!r} would be imported and run, and deployments run no code that is not listed",
            f'List it on the worker\'s machine: runs_code = ["{unlisted[0]}"] in optiq.toml.',
        )
    if settings.run_programs and not of_file.get("run_programs", False):
        raise ConfigurationError(
            "programs that models wrote would be run, which deployments do only where the machine's own file says so",
            "Set run_programs = true in optiq.toml on the worker's machine.",
        )


IN_FILES = ("variants", "profiles", "features", "runs_code", "servers")
"""Settings that only files have."""


def _from_environment(environ: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    found = {}
    for name in SETTINGS:
        variable = f"OPTIQ_{name.upper()}"
        if environ.get(variable) and name not in IN_FILES:
            found[name] = (environ[variable], f"${variable}")
    return found
