"""Words that tell one topic from the others: class-based TF-IDF (Grootendorst 2022, BERTopic)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"[^\W\d_]{3,}")
_FUNCTION_WORDS = frozenset(
    """
    about above across after again against all almost alone along already also although always among and another
    any anybody anyone anything are aren around because been before behind being below beneath beside besides
    between beyond both but can cannot could couldn despite did didn does doesn doing don down due during each
    either else enough etc even ever every everybody everyone everything except few first for former from
    further get gets give given had hadn has hasn have haven having hence her here hers herself him himself his
    how however inside instead into isn its itself just last latter least less like many may maybe might mine
    more moreover most much must mustn myself near neither never nevertheless next nobody non none nor not
    nothing now nowhere off often once one ones only onto other others otherwise ought our ours ourselves out
    outside over own per perhaps please quite rather same several shall shan she should shouldn since some
    somebody someone something sometimes somewhere still such than that the thee their theirs them themselves
    then thence there therefore these they thing things this those though through throughout thus till together
    too toward towards under unless until upon use used uses using very via was wasn well were weren what
    whatever when whence whenever where whereas whereby wherever whether which whichever while who whoever whole
    whom whose why will with within without won would wouldn yes yet you your yours yourself yourselves
    """.split()  # noqa: SIM905 - a list of 250 lines says no more
)
"""Words of English that say nothing of a topic: articles, pronouns, prepositions, conjunctions, auxiliaries."""


def telling_words(text: str) -> list[str]:
    """The words of a text that may say something of its topic; of one that has none, such as a sum, all its parts."""
    found = [word for word in _WORD.findall(text.lower()) if word not in _FUNCTION_WORDS]
    return found or re.findall(r"\w+", text.lower())


def topic_words(texts: Sequence[str], labels: Sequence[str], n_words: int = 10) -> dict[str, list[str]]:
    """Per topic, in order of name, its ``n_words`` weightiest words, weightiest first.

    A word weighs sqrt(share of the topic's words) · log(1 + words per topic / occurrences in all topics);
    the root keeps one question's repeated word from leading. Function words and words under three letters
    are left out.
    """
    counts: dict[str, Counter[str]] = {label: Counter() for label in sorted(set(labels))}
    for text, label in zip(texts, labels, strict=True):
        counts[label].update(word for word in _WORD.findall(text.lower()) if word not in _FUNCTION_WORDS)
    everywhere = sum(counts.values(), Counter())
    per_topic = everywhere.total() / max(len(counts), 1)
    found = {}
    for label, own in counts.items():
        size = own.total()
        weights = {w: math.sqrt(n / size) * math.log(1 + per_topic / everywhere[w]) for w, n in own.items()}
        found[label] = sorted(weights, key=lambda word: (-weights[word], word))[:n_words]
    return found
