"""Policies by name, so that another package can add one: entry points of the group ``optiq.policies``.

A policy is named with its options: ``opti-q``, ``single:phi4:14b``, ``opti-q:neighbours=off,tradeoff=0.1``.
"""

from optiq.evaluation.policies.registry import default_policies, make_policies

__all__ = ["default_policies", "make_policies"]
