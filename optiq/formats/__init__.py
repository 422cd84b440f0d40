"""Logs and evaluations of other tools: one reader a file, each giving the answers in a file as the same typed items.

Readers know nothing of PerfDB: what lands is decided in :mod:`warehouse.ingestion.foreign`.
"""
