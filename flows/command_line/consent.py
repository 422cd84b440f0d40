"""The predicted bill of a run: shown, or asked about before it is spent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from flows.command_line.screen import figure, note, usd
from flows.declaration import Option, Request
from optiq.errors import InputError

ASK_ABOVE_USD = 1.0


class Consent(Request, panel="The run"):
    """What a person wants to see, and to be asked, before money is spent."""

    dry_run: Annotated[
        bool, Option("Show what would run and its predicted bill; ask nothing.", common=True)
    ] = False
    confirm_above: Annotated[
        float | None,
        Option("Ask before a predicted bill above this.", "USD", otherwise="1 on a terminal"),
    ] = None
    yes: Annotated[bool, Option("Do not ask.", short="-y")] = False

    def given_for(
        self,
        forecast: Callable[[], Mapping[str, Any]],
        line: Callable[[Mapping[str, Any]], str],
        most_usd: float | None = None,
    ) -> bool:
        """Whether the run may spend what it is predicted to, ``most_usd`` at most; says so if not.

        A person is asked at a terminal. Without one, a bill above a given limit is refused; where no limit was
        given, a script is taken to know what it does.
        """
        terminal = sys.stdin.isatty() and sys.stderr.isatty()
        if self.yes or (self.confirm_above is None and not terminal):
            return True
        threshold = ASK_ABOVE_USD if self.confirm_above is None else self.confirm_above
        if most_usd is not None and most_usd <= threshold:
            return True
        found = forecast()
        cost_usd = found["cost_usd"]
        if cost_usd is None and self.confirm_above is None:
            return True  # unpriced models, such as those on this machine
        if cost_usd is not None and cost_usd <= threshold:
            return True
        note(line(found))
        if not terminal:
            raise InputError(
                f"the predicted bill of {usd(cost_usd)} is above {usd(threshold)}",
                "Give --yes to spend it, or a higher --confirm-above.",
            )
        note("Go on? [y/N]")
        agreed = sys.stdin.readline().strip().lower() in ("y", "yes")
        if not agreed:
            note("nothing was asked")
        return agreed


def predicted(found: Mapping[str, Any]) -> str:
    """The predicted bill in words."""
    guessed = found["guessed_prices"]
    rests_on = f" and guessed prices of {', '.join(guessed)}, which may turn out higher" if guessed else ""
    forms = found["guessed_lengths"]
    lengths = f"; lengths of {' and '.join(forms)} answers are guessed" if forms else ""
    return (
        f"predicted {usd(found['cost_usd'])} "
        f"({usd(found['low_usd'])} to {usd(found['high_usd'])} in 95 of 100 runs, at most "
        f"{usd(found['most_usd'])} by output caps{rests_on}{lengths}), {figure(found['energy_j'])} J"
    )
