"""Words that tell one topic from the others: class-based TF-IDF (Grootendorst 2022, BERTopic)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"[^\W\d_]{3,}")


def topic_words(texts: Sequence[str], labels: Sequence[str], n_words: int = 10) -> dict[str, list[str]]:
    """Per topic, in order of name, its ``n_words`` weightiest words, weightiest first.

    A word weighs sqrt(share of the topic's words) · log(1 + words per topic / occurrences in all topics);
    the root keeps one question's repeated word from leading. Stop words and words under three letters
    are left out.
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    counts: dict[str, Counter[str]] = {label: Counter() for label in sorted(set(labels))}
    for text, label in zip(texts, labels, strict=True):
        counts[label].update(word for word in _WORD.findall(text.lower()) if word not in ENGLISH_STOP_WORDS)
    everywhere = sum(counts.values(), Counter())
    per_topic = everywhere.total() / max(len(counts), 1)
    found = {}
    for label, own in counts.items():
        size = own.total()
        weights = {w: math.sqrt(n / size) * math.log(1 + per_topic / everywhere[w]) for w, n in own.items()}
        found[label] = sorted(weights, key=lambda word: (-weights[word], word))[:n_words]
    return found
