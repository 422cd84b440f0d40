"""Several servers as one: where calls go, what they cost, what is said when one of them is gone."""

import asyncio

import pytest
from fake_server import FakeServer
from scripted_http import Reply, closed_port, scripted_server

from optiq.configuration import Settings
from optiq.errors import ConfigurationError, ModelNotServed, OptiqWarning, ServerError, UnknownName
from optiq.estimation.server_figures import NamedModel, with_named
from optiq.execution import Executor, Retries, Work
from optiq.execution.accounting import PriceList, price_call
from optiq.execution.limits import calls_at_once, limits_of
from optiq.execution.shared import Shared
from optiq.execution.trace import Call
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.servers import GenerateRequest, ModelServer, ServedModel, open_server
from optiq.servers.configured import ConfiguredServer, read_servers
from optiq.servers.pool import PooledServer, at_prices, places_of, served_name
from optiq.statistics.snapshot import ModelFigures, Statistics


class Served(FakeServer):
    """A fake that says which models it has."""

    def __init__(self, models, answer=lambda request: "Oslo", **more):
        super().__init__(answer, **more)
        self.models = models

    def list_models(self):
        if isinstance(self.models, Exception):
            raise self.models
        return [ServedModel(name) for name in self.models]


def run(server, number, plan=("phi4",), **more):
    chain = Plan.of(list(plan), [(i, i + 1) for i in range(len(plan) - 1)])
    work = [Work(Question(str(i), f"Where is {i}?"), chain) for i in range(number)]
    return Executor(server, "r", retries=Retries(first_s=0.0001), **more).run(work)


def test_it_is_a_model_server_that_lists_each_model_once():
    pool = PooledServer({"a": Served(["phi4", "x"]), "b": Served(["phi4", "y"])}, {"b": ["phi4"]})
    assert isinstance(pool, ModelServer)
    assert [model.name for model in pool.list_models()] == ["phi4", "x"]
    assert [place.key for place in places_of(pool, "phi4")] == ["a/phi4", "b/phi4"]
    assert [place.key for place in places_of(pool, "b/phi4")] == ["b/phi4"]
    assert list(places_of(pool, "b/x")) == list(places_of(pool, "y")) == []
    with pytest.raises(ModelNotServed, match="a, b"):
        asyncio.run(pool.generate(GenerateRequest("y", "Where?")))


def test_calls_of_a_model_are_shared_by_room():
    small = Served(["phi4"], delay_s=0.002, model_slots=2, slots=2)
    large = Served(["phi4"], delay_s=0.002, model_slots=6, slots=6)
    done = run(PooledServer({"small": small, "large": large}), 80)
    assert {e.status for e in done} == {"answered"}
    assert (small.most_in_flight["phi4"], large.most_in_flight["phi4"]) == (2, 6)
    assert len(large.requests) > 1.5 * len(small.requests) > 0
    assert {e.calls[0].server for e in done} == {"small", "large"}


def test_a_plan_mixes_servers_and_a_name_holds_to_one():
    a, b = Served(["phi4", "x"]), Served(["phi4"])
    pool = PooledServer({"a": a, "b": b})
    (done,) = run(pool, 1, ("x", "b/phi4"))
    assert done.status == "answered"
    assert [(call.model, call.server) for call in done.calls] == [("x", "a"), ("b/phi4", "b")]
    assert [request.model for request in b.requests] == ["phi4"]
    assert calls_at_once(pool) == {"a/x": 8, "b/phi4": 8}


@pytest.mark.parametrize("fault", [ServerError("gone for good"), ServerError("crash")])
def test_a_server_that_fails_is_left_and_no_question_fails(fault):
    bad, good = Served(["phi4"], lambda request: fault), Served(["phi4"])
    shared = Shared()
    done = run(PooledServer({"bad": bad, "good": good}), 40, shared=shared)
    assert {e.status for e in done} == {"answered"}
    assert shared.health.out == ("bad/phi4",), "the model itself is in"
    assert len(bad.requests) <= 20


def test_where_all_servers_of_a_model_fail_it_is_out():
    bad = {name: Served(["phi4"], lambda request: ServerError("crash")) for name in "ab"}
    shared = Shared()
    done = run(PooledServer(bad), 20, shared=shared)
    assert {e.status for e in done} == {"failed"}
    assert shared.health.out == ("a/phi4", "b/phi4", "phi4")


def test_one_that_does_not_answer_is_said_and_left_out():
    pool = PooledServer({"a": Served(ServerError("nobody is there")), "b": Served(["phi4"])})
    with pytest.warns(OptiqWarning, match="server a is left out: nobody is there"):
        assert [model.name for model in pool.list_models()] == ["phi4"]
    assert {e.status for e in run(pool, 3)} == {"answered"}
    with pytest.raises(ServerError, match="nobody is there"):
        PooledServer({"a": Served(ServerError("nobody is there"))}).list_models()


def test_each_call_costs_what_its_server_takes():
    members = {"dear": Served(["phi4"]), "cheap": Served(["phi4"])}
    prices = {"dear": {"phi4": {"usd_per_output_token": 0.5}}}
    known = PriceList({"phi4": (0.0, 1.0)})
    for execution in run(PooledServer(members, prices=prices), 20, prices=known):
        (call,) = execution.calls
        assert call.cost_usd == pytest.approx(2 * (0.5 if call.server == "dear" else 1e-6))


@pytest.mark.parametrize(("cached", "usd"), [(None, 10.0), (0, 10.0), (8, 4.0), (10, 2.5)])
def test_tokens_of_the_prompt_cache_have_a_price_of_their_own(cached, usd):
    rates = {"usd_per_prompt_token": 1.0, "usd_per_cached_prompt_token": 0.25, "usd_per_output_token": 0.0}
    pool = PooledServer({"a": Served(["phi4"])}, prices={"a": {"phi4": rates}})
    call = Call(0, "phi4", None, Plan.of(["phi4"]), 4, server="a", prompt_tokens=10, output_tokens=2)
    call.cached_tokens = cached
    price_call(call, at_prices(pool, "a", ModelFigures(model="phi4")))
    assert call.cost_usd == pytest.approx(usd)


def test_the_identity_is_no_matter_of_who_answers():
    pool = PooledServer({"a": Served(["phi4"], name="one"), "b": Served(["phi4"], name="one")})
    assert pool.identity("phi4") == pool.identity("a/phi4") == "one phi4"


def test_a_model_at_a_server_starts_with_what_is_known_of_it_at_the_dearest_price():
    row = ModelFigures(model="phi4", qoa=0.6, usd_per_prompt_token=1e-6, provenance="prior: x")
    statistics = Statistics.build("s", [row], [])
    dear = (("usd_per_prompt_token", 5e-6),)
    named = [NamedModel("a/phi4", "phi4", (dear,)), NamedModel("phi4", "phi4", (dear, ()))]
    known = with_named(statistics, [*named, NamedModel("b/phi4", "phi4")])
    prices = {
        name: known.figures(name, "*", "open").usd_per_prompt_token for name in ("phi4", "a/phi4", "b/phi4")
    }
    assert prices == {"phi4": 5e-6, "a/phi4": 5e-6, "b/phi4": 1e-6}
    assert known.figures("a/phi4", "*", "open").qoa == 0.6


@pytest.mark.parametrize(
    ("served", "name", "found"),
    [
        (["mistral:latest"], "mistral", "mistral:latest"),
        (["mistral"], "mistral:latest", "mistral"),
        (["mistral:7b"], "mistral", None),
        (["phi4"], "a/phi4", "phi4"),
        (["phi4"], "c/phi4", None),
    ],
)
def test_other_names_of_served_models(served, name, found):
    pool = PooledServer({"a": Served(served), "b": Served(served)})
    assert served_name(pool, served, name) == found


# --- as they are named ---------------------------------------------------------------------------------------------


def test_two_addresses_are_one_pool():
    with scripted_server() as one, scripted_server() as two:
        server = open_server("ollama", f"{one.url},{two.url}")
        server.list_models()
        done = run(server, 30, ("tiny:1b",))
        assert {e.status for e in done} == {"answered"}
        assert len(one.requests) + len(two.requests) == 30
        assert min(len(one.requests), len(two.requests)) >= 5
        assert {e.calls[0].server for e in done} == {one.url[7:], two.url[7:]}


def test_servers_of_the_file_have_limits_keys_and_dialects_of_their_own(monkeypatch):
    monkeypatch.setenv("HOSTED_KEY", "sk-hosted")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-someone-elses")
    with scripted_server() as one, scripted_server() as two, scripted_server() as three:
        configured = read_servers(
            {
                "hosted": {
                    "dialect": "openai", "url": one.url + "/v1", "key_env": "HOSTED_KEY", "max_concurrency": 3,
                    "requests_per_minute": 600, "prices": {"tiny": {"usd_per_prompt_token": 1e-6}},
                },
                "open": {"dialect": "openai", "url": two.url + "/v1", "models": ["none"]},
                "ours": {"dialect": "ollama", "url": three.url, "max_context_tokens": 4096},
            },
            "servers in optiq.toml",
        )  # fmt: skip
        server = open_server("auto", configured=configured)
        assert [model.name for model in server.list_models()] == ["tiny", "tiny:1b"]
        assert {e.status for e in run(server, 12, ("tiny", "tiny:1b"))} == {"answered"}
        assert set(one.authorizations) == {"Bearer sk-hosted"}
        assert set(two.authorizations) == {None}, "the key of one server is no other's"
        assert one.most_in_flight <= 3
        assert server.members["ours"].max_context_tokens == 4096
        assert limits_of(server.members["hosted"]).at_once == {"tiny": 3}
        alone = open_server("ours", configured=configured)
        assert [model.name for model in alone.list_models()] == ["tiny:1b"]


def test_a_dead_address_beside_a_good_one_fails_no_question():
    with scripted_server() as good:
        server = open_server("openai", f"http://127.0.0.1:{closed_port()}/v1,{good.url}/v1")
        with pytest.warns(OptiqWarning, match="left out"):
            server.list_models()
        assert {e.status for e in run(server, 6, ("tiny",))} == {"answered"}


def test_a_base_url_without_v1_is_tried_with_it():
    with scripted_server() as fake:
        server = open_server("openai", fake.url)
        assert [model.name for model in server.list_models()] == ["tiny"]
        assert {e.status for e in run(server, 2, ("tiny",))} == {"answered"}
    with scripted_server(Reply([])) as fake:
        server = open_server("openai", fake.url + "/v2")
        with pytest.raises(ServerError, match="v1"):
            server.list_models()


def test_names_of_servers_that_are_none_are_refused():
    configured = (ConfiguredServer("mine", "ollama"),)
    with pytest.raises(UnknownName, match="mine"):
        open_server("mine,yours", configured=configured)
    with pytest.raises(UnknownName):
        open_server("yours")
    with pytest.raises(ConfigurationError, match="address"):
        open_server("mine,ollama", "http://127.0.0.1:1", configured=configured)
    with pytest.raises(ConfigurationError, match="HOSTED_KEY"):
        open_server("a", configured=(ConfiguredServer("a", "openai", "http://x/v1", "HOSTED_KEY"),))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"a": 1}, "server 'a' is 1"),
        ({"a/b": {"dialect": "openai"}}, "name that no model can carry"),
        ({"a": {}}, "dialect None"),
        ({"a": {"dialect": "openai", "key": "sk-1"}}, "key_env"),
        ({"a": {"dialect": "openai", "urls": "x"}}, "Did you mean 'url'"),
        ({"a": {"dialect": "openai", "url": 3}}, "url 3"),
        ({"a": {"dialect": "openai", "models": "phi4"}}, "models 'phi4'"),
        ({"a": {"dialect": "openai", "max_concurrency": 0}}, "max_concurrency 0"),
        ({"a": {"dialect": "openai", "requests_per_minute": 1.5}}, "requests_per_minute 1.5"),
        (
            {"a": {"dialect": "openai", "prices": {"m": {"usd_per_prompt_token": 3}}}},
            "usd_per_prompt_token 3",
        ),
        ({"a": {"dialect": "openai", "prices": {"m": {"usd": 1}}}}, "prices"),
        ("x", "'x'"),
    ],
)
def test_what_cannot_be_used_of_the_file_is_named(table, said):
    with pytest.raises(ConfigurationError) as caught:
        read_servers(table, "servers in optiq.toml")
    assert said in str(caught.value)


def test_settings_read_them_and_give_them_on(tmp_path, monkeypatch):
    (tmp_path / "optiq.toml").write_text(
        '[servers.hosted]\ndialect = "openai"\nurl = "http://127.0.0.1:1/v1"\n'
        '[servers.hosted.prices."phi4:14b"]\nusd_per_prompt_token = 7e-8\n'
    )
    monkeypatch.chdir(tmp_path)
    found = Settings.load(environ={}).servers
    assert [(one.name, one.prices) for one in found] == [
        ("hosted", (("phi4:14b", (("usd_per_prompt_token", 7e-8),)),))
    ]
    assert read_servers(found, "a flow's parameters") == found


def test_a_file_of_the_current_folder_does_not_say_where_keys_go(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "sk-of-the-environment")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "optiq.toml").write_text(
        '[servers.x]\ndialect = "openai"\nurl = "https://elsewhere.invalid/v1"\nkey_env = "SOME_KEY"\n'
    )
    monkeypatch.chdir(tmp_path)
    configured = Settings.load(environ={}).servers
    with pytest.warns(OptiqWarning, match=r"elsewhere\.invalid gets no key"):
        server = open_server("x", configured=configured)
    assert server.members["x"]._key == ""


def test_an_address_of_the_file_holds_no_secret():
    with pytest.raises(ConfigurationError, match="holds a user, a password or a key"):
        read_servers({"x": {"dialect": "openai", "url": "https://me:sk-1@x/v1"}}, "servers in optiq.toml")
