"""Which model for which role, found by running combinations on labelled examples (AgentOpt; MixLLM).

A method asks for runs and sees their outcomes (:mod:`~optiq.selection.protocol`), whatever runs them: an agent,
a plan, a staged workflow, or a replay.
"""
