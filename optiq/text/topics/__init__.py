"""Which topics a question is about, learned from questions whose topic is known.

:class:`TopicModel` is what Opti-Q uses: nearest centroid on MiniLM embeddings, light to store and to load.
:func:`optiq.text.topics.bertopic.fit_bertopic` fits supervised BERTopic (Opti-Q, section 4.1 uses BERTopic) on the
same input, for its tools and for comparison; ``benchmarks/topics.py`` compares the two.
"""

from optiq.text.topics.model import TopicModel

__all__ = ["TopicModel"]
