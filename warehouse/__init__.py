"""PerfDB: immutable snapshots out, append-only traces in.

``home``: where it lives. ``landing``, ``ingest``: what comes in. ``refresh``: how it becomes a snapshot
(``merge``, ``gate``, ``publish``, ``snapshots``). ``query``, ``statistics``: what goes out.
"""
