"""`optiq view`: all answers of a run as a page, served on this machine or written as a file."""

from __future__ import annotations

from typing import Annotated

from flows.command_line.screen import note, say
from flows.declaration import Argument, Option
from flows.flow_requests import Place


def view(
    place: Place,
    run: Annotated[str, Argument("A run, or how its name begins; `last`.", "[RUN]")] = "last",
    against: Annotated[
        str | None, Option("Compare with this run, the later of the two, row by row.", "RUN")
    ] = None,
    output: Annotated[
        str | None, Option("Write the page here instead of serving it.", "PAGE.html", short="-o")
    ] = None,
    port: Annotated[int, Option("Port on this machine; 0: any that is free.", "PORT", most=65_535)] = 0,
    browser: Annotated[bool, Option("Open it in a browser.")] = True,
) -> None:
    """Every answer in a table to sort and filter; a row opens its prompts, outputs, figures and plan.

    No refresh is needed. The page is complete in itself and asks no network. Served, it is this machine's alone until
    Ctrl-C.

    Example:  optiq view last -o answers.html
    """
    from optiq.files.output_place import tell_replaced
    from tasks.reporting import check_page
    from tasks.viewing import view_page, write_view

    if output is not None:
        check_page(output)
        tell_replaced(output)
        size = write_view(place.home(), output, run, against)
        say(f"{output} ({size / 1e6:.1f} MB)")
        return
    text = view_page(place.home(), run, against)
    _serve(text, port, browser)


def _serve(text: str, port: int, browser: bool) -> None:
    from tasks.serving.one_page import serving

    with serving(text, port) as (url, wait):
        say(f"{url}    (Ctrl-C ends)")
        if browser:
            import webbrowser

            webbrowser.open(url)
        try:
            wait()
        except KeyboardInterrupt:
            note("ended")
