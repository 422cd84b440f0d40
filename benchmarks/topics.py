"""How often topics are inferred rightly, on a labelled file of your own.

    python benchmarks/topics.py examples/questions_calibrate.csv [--folds 5] [--repeats 5]

Holds out each fold in turn, stratified by topic, and prints per method: accuracy of the first topic, share of
questions with the right topic among those kept, share left without a topic, and seconds per fit.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from optiq.questions.question_file import read_questions
from optiq.text.topics import TopicModel
from optiq.text.topics.bertopic import fit_bertopic


def measure(
    fit: Callable[..., Any], texts: list[str], labels: list[str], folds: int, repeats: int
) -> dict[str, float]:
    """Means over all held-out questions."""
    from sklearn.model_selection import RepeatedStratifiedKFold

    splits = RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=0).split(texts, labels)
    first, kept, none, seconds = [], [], [], []
    for known, held_out in splits:
        started = time.perf_counter()
        model = fit([texts[i] for i in known], [labels[i] for i in known])
        seconds.append(time.perf_counter() - started)
        for i, topics in zip(held_out, model.assign([texts[i] for i in held_out]), strict=True):
            first.append(bool(topics) and topics[0][0] == labels[i])
            kept.append(labels[i] in dict(topics))
            none.append(not topics)
    return {
        "first is right": float(np.mean(first)),
        "right is kept": float(np.mean(kept)),
        "no topic": float(np.mean(none)),
        "seconds per fit": float(np.median(seconds)),
    }


def main() -> None:
    """Measure both methods and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", help="question file with a topic column")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    questions = [question for question in read_questions(arguments.file).questions if question.topics]
    texts = [question.text for question in questions]
    labels = [question.topic_names[0] for question in questions]
    rows = [
        {"method": name, **measure(fit, texts, labels, arguments.folds, arguments.repeats)}
        for name, fit in (("nearest centroid", TopicModel.fit), ("supervised BERTopic", fit_bertopic))
    ]
    with pl.Config(tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, float_precision=3):
        print(f"{len(texts)} questions, {len(set(labels))} topics")
        print(pl.DataFrame(rows))


if __name__ == "__main__":
    main()
