"""The page of `optiq serve` in a real browser."""

import shutil

from benchmarks.model_server import Behaviour
from optiq.endpoint.keys import Keys
from tests.flows.serve.conftest import MODELS, model_server, running


class Address(str):
    """An address that is opened as a file would be."""

    def as_uri(self) -> str:
        return str(self)


def test_the_page_shows_requests_spend_and_the_frontier(
    browser, opened, fresh_home, tmp_path, monkeypatch, hostile
) -> None:
    for name in ("OPTIQ_CONFIG", "OPTIQ_SERVER", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    shutil.copytree(fresh_home, home)
    behaviour = Behaviour([*MODELS, "odd<script>window.hacked=3</script>"])
    with model_server(behaviour) as url, running(home, url, behaviour) as endpoint:
        first = endpoint.ask(hostile).json()["optiq"]["execution_id"]
        endpoint.ask(hostile, model=behaviour.models[-1])
        endpoint.client.post("/v1/feedback", json={"execution_id": first, "score": 0.75})
        for scheme, width in (("light", 1280), ("dark", 390)):
            seen = opened(browser, Address(f"{endpoint.url}/"), width, scheme)
            text = seen.page.inner_text("body")
            assert "Opti-Q serves" in text
            assert "gemma3:27b+bare" in text
            assert "0.75" in text
            assert "Spend against limits" in text
            assert "The frontier" in text
            assert seen.page.locator("#frontier canvas, #frontier svg").count() > 0
            assert seen.page.evaluate("window.hacked") is None
            assert seen.said == []
            assert {one.rsplit("/", 1)[0] for one in seen.asked} <= {endpoint.url, f"{endpoint.url}/"}
            assert seen.fits()
        Keys(home / "serving" / "keys.json").add("team")
        assert endpoint.client.get("/").status_code == 401
    with model_server(behaviour) as url, running(home, url, behaviour, page=False) as endpoint:
        assert endpoint.client.get("/").status_code in (401, 404)
