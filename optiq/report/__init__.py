"""Reports as one HTML page that needs nothing else: no network, no server, no files beside it.

Uses the rooms evaluation, plans and questions.
"""

from optiq.report.page import Chart, Miss, Page, Section, Table, Tile, render

__all__ = ["Chart", "Miss", "Page", "Section", "Table", "Tile", "render"]
