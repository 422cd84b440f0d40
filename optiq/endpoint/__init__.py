"""The endpoint of `optiq serve`: applications ask in OpenAI's or Ollama's dialect, each request is planned.

A request goes from its dialect (`openai_chat`, `openai_text`, `openai_responses`, `ollama`) to what was `asked`,
through `answering` (plan, execute, plan again, stream) and back; `app` is the HTTP around it, `keys` and `spending`
hold the limits of clients. What it works with, and where traces go, is handed in: `tasks/serving/` ties it to a home.
Uses the rooms execution, planning, plans, prompts, questions, servers and statistics.
"""
