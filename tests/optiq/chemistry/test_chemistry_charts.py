"""Pictures of chemistry."""

import numpy as np

from optiq.chemistry.charts import map_chart, matrix_chart
from optiq.chemistry.profiles import Profile
from optiq.files.chart_file import png_of, svg_of


def test_the_matrix_names_all_models_and_marks_noise() -> None:
    chem = np.array([[0, 0.5, np.nan], [0.5, 0, 0.2], [np.nan, 0.2, 0]])
    certain = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=bool)
    svg = svg_of(matrix_chart(["a", "b<i>", "c"], chem, certain))
    assert "0.50" in svg
    assert "pale: may be noise" in svg
    assert "<i>" not in svg, "names are escaped"


def test_a_map_is_drawn_as_png() -> None:
    png = png_of(map_chart([Profile("a", 3, 0.3), Profile("b", 4, 0.6)], steps=8))
    assert png.startswith(b"\x89PNG")
