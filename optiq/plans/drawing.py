"""A plan drawn as lines for the terminal (for SVG see :mod:`optiq.plans.drawing_svg`).

Every node has a line and a column; its output runs down to the nodes that read it::

    ●            mistral:7b
    ╰──●         phi4:14b
       │  ●      qwen2.5:14b
       ╰──┴──◆   gemma3:27b   (blends)
"""

from __future__ import annotations

from optiq.plans.wired import Wired

NODE, BLEND = "●", "◆"


def draw_text(plan: Wired) -> str:
    """One line per node in canonical order; ``●`` calls a model, ``◆`` blends what it reads."""
    width = 3 * plan.k
    lines = []
    for v, model in enumerate(plan.models):
        note = "   (blends)" if plan.is_blend(v) else ""
        lines.append(f"{_rail(plan, v):{width}}{model}{note}")
    return "\n".join(lines)


def _rail(plan: Wired, v: int) -> str:
    """The lanes of the nodes before ``v`` on its line, those that it reads joined to it."""
    reads = plan.predecessors(v)
    text = ""
    for u in range(v):
        goes_on = any(reader > v for reader in plan.successors(u))
        joined = bool(reads) and reads[0] < u  # a line already comes from the left
        if u in reads:
            mark = ("┼" if joined else "├") if goes_on else ("┴" if joined else "╰")
        elif goes_on:
            mark = "│"
        else:
            mark = "─" if joined else " "
        text += mark + ("──" if joined or u in reads else "  ")
    return text + (BLEND if plan.is_blend(v) else NODE)
