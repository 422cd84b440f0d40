"""Texts as vectors, and the topics that are learned from them."""
