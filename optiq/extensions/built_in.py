"""Everything that can be asked for by name: where Optiq's own stand, and the group for those of other packages."""

from __future__ import annotations

from optiq.extensions.registry import Registry

SERVERS = Registry(
    "optiq.servers",
    "model server",
    {
        "auto": "optiq.servers.opening:first_that_answers",
        "ollama": "optiq.servers.ollama:open_ollama",
        "openai": "optiq.servers.openai:OpenAIServer",
        "embedded": "optiq.servers.embedded:open_embedded",
        "replay": "optiq.servers.replay:open_replay",
    },
)
"""Each a function (or class) of a base URL and an API key, both of which may be None, that gives a server."""

ESTIMATORS = Registry(
    "optiq.estimators",
    "estimator",
    {"paper": "optiq.estimation.paper:Paper", "shrunk": "optiq.estimation.shrunk:Shrunk"},
)
"""Each a subclass of :class:`optiq.estimation.estimator.Estimator`."""

_PLANNERS = "optiq.planning.planners"

PLANNERS = Registry(
    "optiq.planners",
    "planner",
    {
        "exact": f"{_PLANNERS}.exact:ExactPlanner",
        "dp": f"{_PLANNERS}.dynamic_programming:DynamicProgrammingPlanner",
        "hill-climbing": f"{_PLANNERS}.hill_climbing:HillClimbingPlanner",
        "nsga2": f"{_PLANNERS}.nsga2:NSGA2Planner",
    },
)
"""Each a :class:`optiq.planning.task.Planner`."""

_METHODS = "optiq.selection.methods"

SELECTORS = Registry(
    "optiq.selectors",
    "method",
    {
        "arm-elimination": f"{_METHODS}.arm_elimination:ArmElimination",
        "bayesian-optimisation": f"{_METHODS}.bayesian:BayesianOptimisation",
        "brute-force": f"{_METHODS}.brute_force:BruteForce",
        "epsilon-lucb": f"{_METHODS}.epsilon_lucb:EpsilonLUCB",
        "hill-climbing": f"{_METHODS}.hill_climbing:HillClimbing",
        "lm-proposal": f"{_METHODS}.lm_proposal:LMProposal",
        "mixllm": f"{_METHODS}.mixllm:MixLLM",
        "mixllm-published": f"{_METHODS}.mixllm_published:PublishedMixLLM",
        "random": f"{_METHODS}.random_search:RandomSearch",
        "threshold-successive-elimination": f"{_METHODS}.threshold_elimination:ThresholdElimination",
        "uct": f"{_METHODS}.uct:UCT",
    },
)
"""Each a :class:`optiq.selection.protocol.Selector`, made of a problem and its options."""

_POLICIES = "optiq.evaluation.policies"

POLICIES = Registry(
    "optiq.policies",
    "policy",
    {
        "random": f"{_POLICIES}.simple:RandomPlan",
        "single": f"{_POLICIES}.simple:Single",
        "best-single": f"{_POLICIES}.simple:BestSingle",
        "best-single-per-topic": f"{_POLICIES}.simple:BestSinglePerTopic",
        "frugalgpt": f"{_POLICIES}.cascade:Cascade",
        "thriftllm": f"{_POLICIES}.ensembles:ThriftEnsemble",
        "llm-ensemble": f"{_POLICIES}.ensembles:WeightedEnsemble",
        "llm-blender": f"{_POLICIES}.ensembles:Blender",
        "opti-q-paper": f"{_POLICIES}.opti_q:OptiQ",
        "opti-q": f"{_POLICIES}.opti_q:OptiQ",
        "oracle": f"{_POLICIES}.hindsight:Oracle",
    },
)
"""Each a :class:`optiq.evaluation.replay.Policy` or ``HindsightPolicy``, made of its options."""

_FORMATS = "optiq.formats"

FORMATS = Registry(
    "optiq.formats",
    "format",
    {
        "inspect": f"{_FORMATS}.inspect_logs:InspectLogs",
        "litellm": f"{_FORMATS}.litellm_logs:LiteLlm",
        "llm": f"{_FORMATS}.llm_logs:LlmLogs",
        "lm-eval": f"{_FORMATS}.lm_eval:LmEval",
        "openai-batch": f"{_FORMATS}.batches:Batches",
        "otel": f"{_FORMATS}.open_telemetry:OpenTelemetry",
        "promptfoo": f"{_FORMATS}.promptfoo:Promptfoo",
    },
)
"""Each a class of :class:`optiq.formats.protocol.Format`: a reader of another tool's logs or evaluations."""

_METRICS = "optiq.scoring.metrics"

QUALITY_METRICS = Registry(
    "optiq.metrics",
    "metric",
    {
        "containment": f"{_METRICS}:contained",
        "cosine": f"{_METRICS}:cosine",
        "exact": f"{_METRICS}:exact",
        "json-match": f"{_METRICS}:json_match",
        "judge": f"{_METRICS}:judge",
        "numeric": f"{_METRICS}:numeric",
        "rouge-l": f"{_METRICS}:rouge_l",
        "rule": "optiq.scoring.judging:rule",
        "set-overlap": f"{_METRICS}:set_overlap",
        "tests": f"{_METRICS}:tests",
        "token-f1": f"{_METRICS}:token_f1",
    },
)
"""Each a function of an answer, a reference and the question that gives 0 to 1 or None "
"(:mod:`optiq.scoring.metrics`)."""

PRICE_TABLES = ("genai-prices", "litellm")
"""Packages whose tables of prices are read (:mod:`optiq.formats.price_tables`)."""
