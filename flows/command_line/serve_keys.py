"""Keys for `optiq serve`, each with limits of its own."""

from __future__ import annotations

from typing import Annotated

from flows.command_line.screen import figure, note, say, say_json, table
from flows.declaration import Argument, Option
from flows.flow_requests import Json, Place


def add(
    name: Annotated[str, Argument("What the key is called.", "NAME")],
    place: Place,
    max_cost_per_day: Annotated[float | None, Option("Most to spend per day (UTC).", "USD")] = None,
    requests_per_minute: Annotated[int | None, Option("Most requests per minute.", "N", least=1)] = None,
) -> None:
    """Make a key. It is shown once; only its hash is kept.

    Example:  optiq serve keys add support --max-cost-per-day 2 --requests-per-minute 60
    """
    from tasks.serving.run import keys_of

    say(keys_of(place.settings.home).add(name, max_cost_per_day, requests_per_minute))
    note("this is the only time that it is shown")


def list_keys(place: Place, json: Json = False) -> None:
    """The keys, with their limits and what they have spent today.

    Example:  optiq serve keys list
    """
    from tasks.serving.run import keys_of, spent_today

    spent = spent_today(place.settings.home)
    keys = keys_of(place.settings.home).every()
    used = [spent.get(key.name, (0.0, 0.0))[0] for key in keys]
    if json:
        say_json(
            [
                {
                    "name": key.name,
                    "max_cost_per_day": key.max_cost_per_day,
                    "requests_per_minute": key.requests_per_minute,
                    "created_at": key.created_at,
                    "spent_today_usd": usd,
                }
                for key, usd in zip(keys, used, strict=True)
            ]
        )
        return
    if not keys:
        say("no key yet; `optiq serve keys add NAME` makes one")
        return
    table(
        ["key", "USD per day", "requests per minute", "made", "USD today"],
        (
            [
                key.name,
                figure(key.max_cost_per_day),
                key.requests_per_minute or "–",
                key.created_at,
                figure(usd),
            ]
            for key, usd in zip(keys, used, strict=True)
        ),
        right=(1, 2, 4),
    )


def remove(name: Annotated[str, Argument("Which key.", "NAME")], place: Place) -> None:
    """Take a key back: from now on it opens nothing.

    Example:  optiq serve keys remove support
    """
    from tasks.serving.run import keys_of

    keys_of(place.settings.home).remove(name)
    say(f"{name} is removed")
