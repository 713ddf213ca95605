"""`sayso chat`: one question, the answer as it comes."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import typer

from sayso.cli.client import reach_server
from sayso.cli.console import out, refusals
from sayso.cli.options import ConfigOption, DataDirOption, ModelOption
from sayso.core.chat import ChatRequest, Message, Sampling, TextDelta
from sayso.engines.base import EngineInfo
from sayso.engines.upstream.chat import UpstreamChatEngine
from sayso.engines.upstream.connection import Connection, Endpoint


def chat_command(
    text: Annotated[str, typer.Argument(help="What to say.")],
    model: ModelOption = "gpt-3.5-turbo",
    system: Annotated[str | None, typer.Option(help="A system message to begin with.")] = None,
    temperature: Annotated[float | None, typer.Option(help="0 to 2; default: the model's own.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Longest answer, in tokens.")] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Ask the running server one question; the answer is printed as it comes."""
    messages = [Message("user", text)]
    if system is not None:
        messages.insert(0, Message("system", system))
    request = ChatRequest(model, tuple(messages), Sampling(temperature), max_tokens)
    with refusals():
        asyncio.run(_chat(request, config, data_dir))


async def _chat(request: ChatRequest, config: Path | None, data_dir: Path | None) -> None:
    async with reach_server(config, data_dir) as server:
        connection = Connection(Endpoint(server.base_url, api_key=server.api_key))
        engine = UpstreamChatEngine(connection, request.model, EngineInfo(""))
        try:
            async with aclosing(engine.chat(request)) as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        out.out(event.text, end="", highlight=False)
        finally:
            out.out("")
            await connection.close()
