"""Outputs of models that are kept, so that no call is made twice."""

from __future__ import annotations

from flows.command_line.screen import counted, say, say_json, table
from flows.flow_requests import Json, Place


def listing(place: Place, json: Json = False) -> None:
    """List the outputs that are kept, by model. They are kept so that no call is made twice.

    Example:  optiq cache
    """
    from tasks.run_state import open_responses

    store = open_responses(place.home())
    kept = store.by_model()
    store.close()
    if json:
        say_json([{"model": model, "responses": count, "bytes": size} for model, count, size in kept])
    elif not kept:
        say("nothing is kept yet; every call of `optiq ask` and `optiq answer` will be")
    else:
        rows = ([model, count, f"{size / 1e6:.1f}"] for model, count, size in kept)
        table(["model", "outputs", "MB"], rows, right=(1, 2))


def show(place: Place, json: Json = False) -> None:
    """How many outputs are kept, and where.

    Example:  optiq cache show
    """
    from tasks.run_state import open_responses

    store = open_responses(place.home())
    count, size = len(store), store.path.stat().st_size
    store.close()
    if json:
        say_json({"path": str(store.path), "responses": count, "bytes": size})
    else:
        say(f"{counted(count, 'response')}, {size / 1e6:.1f} MB in {store.path}")


def clear(place: Place) -> None:
    """Forget what is kept. Calls of unfinished runs stay: they are paid for and recorded nowhere else.

    A damaged file is moved aside, whole as it is, and a new one begun.

    Example:  optiq cache clear
    """
    from tasks.run_state import open_responses

    store = open_responses(place.home(), thorough=True)
    cleared, left = store.clear(), len(store)
    store.close()
    say(f"{counted(cleared, 'response')} forgotten" + (f", {left} of unfinished runs kept" if left else ""))
