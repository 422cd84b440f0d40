"""An agent as anybody would write it: a planner and a solver on an OpenAI-compatible server.

    OPENAI_BASE_URL=http://127.0.0.1:8000/v1 OPENAI_API_KEY=none optiq select examples/questions_calibrate.csv \\
        --agent examples/select/agent.py:Agent --role planner=small,large --role solver=small,large

It knows nothing of Opti-Q.
"""

from __future__ import annotations

from functools import cache

import openai


@cache
def client() -> openai.OpenAI:
    """One client for all runs; address and key come from the environment."""
    return openai.OpenAI()


class Agent:
    """The planner writes a hint, the solver answers with it."""

    def __init__(self, models: dict[str, str]) -> None:
        self.models = models

    def run(self, example: dict) -> str:
        """The answer to one question."""
        question = example["question"]
        hint = self.ask("planner", f"Give a one-line hint for answering this question: {question}", 24)
        return self.ask("solver", f"Hint: {hint}\nQuestion: {question}\nAnswer in one or two words:", 12)

    def ask(self, role: str, prompt: str, longest: int) -> str:
        """What the model of a role says."""
        made = client().chat.completions.create(
            model=self.models[role],
            messages=[{"role": "user", "content": prompt}],
            max_tokens=longest,
            temperature=0,
        )
        return (made.choices[0].message.content or "").strip()
