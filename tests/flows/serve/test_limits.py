"""Keys and what they may: money per day, requests per minute; how much is taken at once."""

from __future__ import annotations

import json
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flows.command_line.main import run
from optiq.endpoint.app import Bounds
from optiq.endpoint.keys import Keys
from optiq.endpoint.spending import Spending
from optiq.errors import ConfigurationError, InputError

BODY = {"model": "optiq/cheap", "messages": [{"role": "user", "content": "Why?"}], "max_tokens": 50}


def post(endpoint, key: str | None, **body):
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    return endpoint.client.post("/v1/chat/completions", json={**BODY, **body}, headers=headers)


def test_keys_are_asked_for_once_there_is_one(serve) -> None:
    with serve() as endpoint:
        assert post(endpoint, None).status_code == 200
        keys = Keys(endpoint.home.path / "serving" / "keys.json")
        secret = keys.add("support")
        for wrong in (None, "x", "none", secret[:-1], secret + "x", secret.upper(), "é" * 40):
            headers = {} if wrong is None else {"authorization": b"Bearer " + wrong.encode()}
            reply = endpoint.client.post("/v1/chat/completions", json=BODY, headers=headers)
            assert (reply.status_code, reply.json()["error"]["code"]) == (401, "invalid_api_key")
        assert post(endpoint, secret).status_code == 200
        for header in ("x-api-key", "api-key"):
            assert endpoint.client.get("/v1/models", headers={header: secret}).status_code == 200
        for path in ("/v1/models", "/metrics", "/api/tags", "/"):
            assert endpoint.client.get(path).status_code == 401
        assert endpoint.client.get("/healthz").status_code == 200
        keys.remove("support")
        keys.add("other")
        assert post(endpoint, secret).status_code == 401
        keys.remove("other")
        assert post(endpoint, None).status_code == 401  # nobody is let in by taking the last key back
        keys.add("other")
        path = endpoint.home.path / "serving" / "keys.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.write_text("{")
        reply = post(endpoint, secret)
        assert reply.status_code == 503  # nobody is let in by a damaged file
        assert str(path) not in reply.text
        assert str(path) in "".join(endpoint.notes)
    for file in endpoint.home.path.rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes()


def test_a_day_is_never_overspent_and_survives_a_restart(serve, fresh_home: Path) -> None:
    with serve() as endpoint:
        secret = Keys(endpoint.home.path / "serving" / "keys.json").add("team", max_cost_per_day=1e-4)
        endpoint.behaviour.delay_s = 0.01
        with ThreadPoolExecutor(8) as clients:
            replies = list(clients.map(lambda _: post(endpoint, secret), range(80)))

        def used_up() -> bool:
            replies.append(post(endpoint, secret))
            return (
                replies[-1].status_code == 429 and replies[-1].json()["error"]["code"] == "insufficient_quota"
            )

        endpoint.until(used_up)
        costs = [float(reply.headers["x-optiq-cost-usd"]) for reply in replies if reply.status_code == 200]
        assert costs
        assert sum(costs) <= 1e-4
        refused = {reply.json()["error"]["code"] for reply in replies if reply.status_code != 200}
        assert refused == {"insufficient_quota"}
        assert endpoint.behaviour.last["max_tokens"] == 50
    with serve() as endpoint:
        reply = post(endpoint, secret)
        assert (reply.status_code, reply.json()["error"]["code"]) == (429, "insufficient_quota")
        folder = endpoint.home.path / "serving"
        spent = Spending(folder)
        assert spent.today(Keys(folder / "keys.json").every())["team"] == (pytest.approx(sum(costs)), 0.0)
        spent.close()


PASSED_ON = [
    ("/v1/embeddings", {"model": "phi4:14b", "input": "Norway " * 50}),
    ("/v1/completions", {"model": "phi4:14b", "prompt": ["Once", "Twice"], "max_tokens": 9}),
]


def test_what_is_passed_on_counts_against_the_key(serve) -> None:
    with serve() as endpoint:
        folder = endpoint.home.path / "serving"
        keys = Keys(folder / "keys.json")
        rich, poor = keys.add("rich", max_cost_per_day=1.0), keys.add("poor", max_cost_per_day=1e-9)
        costs = []
        for path, body in PASSED_ON:
            sent = endpoint.client.post(path, json=body, headers={"authorization": f"Bearer {rich}"})
            costs.append(float(sent.headers["x-optiq-cost-usd"]))
            refused = endpoint.client.post(path, json=body, headers={"authorization": f"Bearer {poor}"})
            assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
        assert min(costs) > 0
        # The same streamed costs the same, though no header can say so before it is over.
        streamed = {**PASSED_ON[1][1], "stream": True}
        reply = endpoint.client.post(
            PASSED_ON[1][0], json=streamed, headers={"authorization": f"Bearer {rich}"}
        )
        assert reply.text.endswith("data: [DONE]\n\n")
        costs.append(costs[1])
        refused = endpoint.client.post(
            PASSED_ON[1][0], json=streamed, headers={"authorization": f"Bearer {poor}"}
        )
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
        spending = Spending(folder)
        assert spending.today(keys.every())["rich"] == (pytest.approx(sum(costs)), 0.0)
        spending.close()
        page = endpoint.client.get("/metrics", headers={"authorization": f"Bearer {rich}"}).text
        assert 'optiq_requests_total{name="embeddings",status="200"} 1.0' in page
        assert endpoint.client.post(PASSED_ON[0][0], json=PASSED_ON[0][1]).status_code == 401


def test_requests_per_minute(serve) -> None:
    with serve() as endpoint:
        secret = Keys(endpoint.home.path / "serving" / "keys.json").add("slow", requests_per_minute=3)
        replies = [post(endpoint, secret) for _ in range(5)]
        assert [reply.status_code for reply in replies] == [200, 200, 200, 429, 429]
        assert 1 <= int(replies[-1].headers["retry-after"]) <= 20


def test_an_unknown_price_is_no_price(serve) -> None:
    with serve() as endpoint:
        secret = Keys(endpoint.home.path / "serving" / "keys.json").add("team", max_cost_per_day=1.0)
        endpoint.behaviour.models.append("nobody:1b")
    with serve() as endpoint:
        reply = post(endpoint, secret, model="nobody:1b")
        assert (reply.status_code, reply.json()["error"]["code"]) == (429, "insufficient_quota")
        assert "unknown" in reply.json()["error"]["message"]
        assert endpoint.behaviour.asked["nobody:1b"] == 0


def test_a_thousand_clients_at_once(serve) -> None:
    import asyncio

    import httpx

    with serve(bounds=Bounds(requests=20)) as endpoint:
        endpoint.behaviour.delay_s = 0.3

        async def everybody() -> list[httpx.Response]:
            limits = httpx.Limits(max_connections=1000)
            async with httpx.AsyncClient(trust_env=False, timeout=120, limits=limits) as client:
                url = f"{endpoint.url}/v1/chat/completions"
                return await asyncio.gather(*(client.post(url, json=BODY) for _ in range(1000)))

        replies = asyncio.run(everybody())
        counts = {code: sum(r.status_code == code for r in replies) for code in (200, 503)}
        assert sum(counts.values()) == 1000
        assert counts[200] >= 20
        for reply in replies:
            if reply.status_code == 503:
                assert reply.headers["retry-after"] == "1"
                assert reply.json()["error"]["code"] == "overloaded"
        assert endpoint.ask().status_code == 200


def test_keys_on_the_command_line(optiq, home) -> None:
    assert "no key yet" in optiq("serve", "keys", "list").out
    made = optiq("serve", "keys", "add", "support", "--max-cost-per-day", "2", "--requests-per-minute", "60")
    secret = made.out.strip()
    assert re.fullmatch(r"optiq-[\w-]{43}", secret)
    listed = optiq("serve", "keys", "list", "--json").out
    assert secret not in listed
    row = json.loads(listed)[0]
    assert (row["name"], row["max_cost_per_day"], row["requests_per_minute"]) == ("support", 2.0, 60)
    assert optiq("serve", "keys", "add", "support").code == 2
    assert optiq("serve", "keys", "add", "a b").code == 2
    assert optiq("serve", "keys", "add", "x", "--max-cost-per-day", "-1").code == 2
    assert optiq("serve", "keys", "remove", "support").code == 0
    assert optiq("serve", "keys", "remove", "support").code == 2


def test_others_are_let_in_only_with_keys(optiq, home) -> None:
    refused = optiq("serve", "--host", "0.0.0.0", "--server", "embedded")
    assert refused.code == 2
    assert "keys add" in refused.err
    assert optiq("serve", "--store-text", "maybe").code == 2
    assert optiq("serve", "--port", "70000").code == 2


def test_key_files(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys.json")
    secret = keys.add("a", 1.5, 3)
    found = Keys(tmp_path / "keys.json").of(secret)
    assert found is not None
    assert (found.name, found.max_cost_per_day, found.requests_per_minute) == ("a", 1.5, 3)
    assert keys.of("") is None
    for name in ("", "a" * 65, "-x", "é"):
        with pytest.raises(InputError):
            keys.add(name)
    (tmp_path / "keys.json").write_text('[{"name": "a"}]')
    with pytest.raises(ConfigurationError, match="cannot be read"):
        keys.every()


def test_the_verb_serves_and_ends_in_good_order(home: Path, capsys) -> None:
    assert run(["serve", "--server", "openai", "--server-url", "http://127.0.0.1:9/v1", "--port", "0"]) == 1
    assert "error:" in capsys.readouterr().err
