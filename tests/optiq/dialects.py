"""Both HTTP dialects asked the same way."""

import asyncio

from optiq.servers import GenerateRequest, open_server

KEY = "sk-planted-secret-123456"
DIALECTS = ["ollama", "openai"]


def connect(dialect, url):
    """A server of ``dialect`` at ``url``, with a key that nobody may see."""
    return open_server(dialect, url if dialect == "ollama" else f"{url}/v1", api_key=KEY)


def ask(server, prompt="What is the capital of Norway?", model="tiny:1b", **options):
    """One call, in an event loop of its own."""

    async def call():
        try:
            return await server.generate(GenerateRequest(model, prompt, **options))
        finally:
            await server.disconnect()

    return asyncio.run(call())
