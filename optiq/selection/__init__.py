"""Which model for which role, found by running combinations on labelled examples (AgentOpt; MixLLM).

A method asks for runs and sees their outcomes (:mod:`~optiq.selection.protocol`), whatever runs them: an agent,
whose calls are seen at the transport, a plan or staged workflow, which the executor carries out, or a replay.

Uses the rooms execution, formats, plans, questions, prompts, scoring, servers, statistics and text.
"""
