"""The embedded chat engine."""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import openvino_genai as genai

from sayso.core.chat import (
    ChatEvent,
    ChatRequest,
    ChoiceFinished,
    CompletionRequest,
    Finished,
    NamedTool,
    Started,
    TextDelta,
)
from sayso.core.usage import TokenUsage
from sayso.engines.base import EngineInfo, Outlet
from sayso.engines.config import EngineConfig
from sayso.engines.fingerprint import build_of, fingerprint
from sayso.engines.memory import resident_bytes
from sayso.engines.openvino.calls import FreeReader, NamedReader, Reader, RequiredReader, TextReader
from sayso.engines.openvino.choice import Choice, Job
from sayso.engines.openvino.conversion import SETTINGS, WEIGHTS, converted
from sayso.engines.openvino.footprint import Footprint, measure
from sayso.engines.openvino.jobs import JobIndex
from sayso.engines.openvino.prefix import BLOCK, PrefixIndex
from sayso.engines.openvino.prompts import PromptEncoder
from sayso.engines.openvino.salt import salted, takes_salt
from sayso.engines.openvino.settings import grammar_for, refuse_unsupported, settings_for
from sayso.engines.openvino.steps import StepLoop
from sayso.engines.openvino.text import TextStream
from sayso.engines.openvino.vocabulary import Vocabulary
from sayso.engines.openvino.weights import find_weights, stated_context_length
from sayso.errors import ConfigurationError, ContextLengthExceeded, EngineError, InvalidRequest
from sayso.telemetry.logging import EventLogger

log = EventLogger("engines")

BUILD = build_of("openvino", "openvino-genai", "openvino", "openvino-tokenizers")
_SHARED_PREFIX = 2 * BLOCK  # prompts from this length on are read once for all choices
_LONG_TEXT = 20_000  # characters; encoding more than this would hold up the event loop
_OBEY_NAMED = "Call the function {name}: write nothing but the JSON object of its arguments."
_OBEY_REQUIRED = 'Call one function: write nothing but {"name": "…", "arguments": {…}}.'


@dataclass(frozen=True, slots=True)
class _Part:
    """A prompt, its ids as the cache shall know them, with what its choices share."""

    prompt: list[int]
    room: int
    echo: str = ""


class OpenVinoChatEngine:
    """Continues conversations and text with a GGUF model on the CPU."""

    def __init__(
        self,
        pipeline: Any,
        config: EngineConfig,
        graph: Path | None = None,
        *,
        caching: bool = True,
        footprint: Footprint | None = None,
        on_failure: Callable[[], None] | None = None,
    ) -> None:
        self._footprint = footprint or Footprint(resident_bytes())
        tokenizer = pipeline.get_tokenizer()
        self._caching = caching
        self._config = config
        self._context = config.context_length
        self._eos = int(tokenizer.get_eos_token_id())
        self._vocabulary = Vocabulary.of(tokenizer)
        self._prompts = PromptEncoder(tokenizer, self._vocabulary, config.context_length)
        self._steps = StepLoop(
            pipeline,
            PrefixIndex(cache_blocks(config) if caching else 0),
            limit=config.max_concurrency,
            depth=config.queue_depth,
            on_failure=on_failure or _exit_soon,
        )
        self._jobs = JobIndex()
        self._fingerprint = fingerprint(config.digest, BUILD, settings_of(config, graph, caching=caching))

    @classmethod
    def load(cls, config: EngineConfig) -> "OpenVinoChatEngine":
        """Open the only GGUF file in the folder; blocks for seconds. Raises `ConfigurationError`."""
        if not config.context_length:
            stated = stated_context_length(find_weights(config))
            config = replace(config, context_length=min(stated, config.cache_tokens))
        graph = converted(config)
        pipeline = open_pipeline(config, graph)
        if takes_salt(pipeline):
            footprint = measure(pipeline, config.context_length) if config.measured else None
            return cls(pipeline, config, graph, footprint=footprint)
        log.warning("prefix_cache_off", model=config.snapshot, reason="the CPU plugin takes no salt here")
        del pipeline
        return cls(open_pipeline(config, graph, caching=False), config, graph, caching=False)

    def close(self) -> None:
        """Stop after the current step; running requests get no more events."""
        self._steps.close()

    async def info(self) -> EngineInfo:
        """Describe the engine."""
        running, waiting = self._steps.load()
        return EngineInfo(
            self._fingerprint,
            self._context,
            resident_bytes(),
            running,
            waiting,
            self._steps.generated,
            self._footprint.loaded_bytes,
            self._footprint.cache_token_bytes,
        )

    def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Continue a conversation."""
        return self.chat_into(request)

    def complete(self, request: CompletionRequest) -> AsyncGenerator[ChatEvent, None]:
        """Continue raw text."""
        return self.complete_into(request)

    async def chat_into(
        self, request: ChatRequest, outlet: Outlet | None = None
    ) -> AsyncGenerator[ChatEvent, None]:
        """Continue a conversation, past the event loop where `outlet` takes events."""
        refuse_unsupported(request)
        grammar = grammar_for(request)
        tools = () if request.tool_choice == "none" else request.tools
        rule = ""
        match request.tool_choice:
            case NamedTool(name):
                rule = _OBEY_NAMED.format(name=name)
            case "required":
                rule = _OBEY_REQUIRED
            case "none" | "auto":
                pass
        size = sum(len(message.content or "") for message in request.messages)
        prompt = await _encoded(size, lambda: self._prompts.chat(request.messages, tools, rule=rule))
        room = self._room(len(prompt), request.max_tokens, "messages")
        part = _Part(self._salted(prompt, request.cache_salt), room)
        job = Job(len(prompt), request.share, whole=request.whole, outlet=outlet)
        choices: list[Choice] = []
        for index in range(request.n):
            settings = settings_for(
                request.sampling, max_tokens=part.room, eos=self._eos, choice=index,
                logprobs=request.logprobs, grammar=grammar,
            )  # fmt: skip
            choices.append(
                self._choice(job, index, part, settings, request.stop, _reader(request, index), choices[:1])
            )
        async with aclosing(self._answer(request.id, job, choices)) as events:
            async for event in events:
                yield event

    async def complete_into(
        self, request: CompletionRequest, outlet: Outlet | None = None
    ) -> AsyncGenerator[ChatEvent, None]:
        """Continue raw text, past the event loop where `outlet` takes events."""
        refuse_unsupported(request)
        parts = [await self._part(prompt, request) for prompt in request.prompts]
        job = Job(sum(len(part.prompt) for part in parts), request.share, whole=request.whole, outlet=outlet)
        choices: list[Choice] = []
        echoes: list[ChatEvent] = []
        for number, part in enumerate(parts):
            siblings: list[Choice] = []
            for j in range(request.n):
                index = number * request.n + j
                if request.echo:
                    echoes.append(TextDelta(index, part.echo))
                if not part.room:
                    echoes.append(ChoiceFinished(index, "length"))
                    continue
                settings = settings_for(
                    request.sampling, max_tokens=part.room, eos=self._eos, choice=index,
                    logprobs=request.logprobs is not None,
                )  # fmt: skip
                reader = TextReader(index)
                siblings.append(self._choice(job, index, part, settings, request.stop, reader, siblings[:1]))
            choices += siblings
        async with aclosing(self._answer(request.id, job, choices, echoes)) as events:
            async for event in events:
                yield event

    async def stop(self, request_id: str) -> TokenUsage | None:
        """Stop a request; it writes no more once this returns."""
        job = self._jobs.find(request_id)
        if job is None:
            return None
        self._steps.abandon(job)
        if job.abandoned:
            await job.stopped.wait()
        return job.used()

    async def _part(self, prompt: str | tuple[int, ...], request: CompletionRequest) -> _Part:
        if isinstance(prompt, str):
            ids = await _encoded(len(prompt), lambda: self._prompts.text(prompt))
        else:
            ids = list(prompt) or self._prompts.text("")
            if any(not 0 <= token < len(self._vocabulary) for token in ids):
                raise InvalidRequest("A token id is outside of the model's vocabulary.", param="prompt")
        room = self._room(len(ids), request.max_tokens, "prompt") if request.max_tokens else 0
        return _Part(
            self._salted(ids, request.cache_salt),
            room,
            (prompt if isinstance(prompt, str) else self._vocabulary.text(ids)) if request.echo else "",
        )

    def _salted(self, prompt: list[int], salt: str) -> list[int]:
        return salted(prompt, salt) if self._caching else prompt

    def _room(self, prompt_tokens: int, max_tokens: int | None, param: str) -> int:
        """Return how many tokens may be written. Raises `ContextLengthExceeded`."""
        wanted = max_tokens or 0
        if prompt_tokens + max(wanted, 1) > self._context:
            raise ContextLengthExceeded(
                context_length=self._context,
                prompt_tokens=prompt_tokens,
                completion_tokens=0 if prompt_tokens > self._context else wanted,
                param=param,
            )
        left = self._context - prompt_tokens
        return wanted or min(self._config.answer_tokens or left, left)

    def _choice(
        self,
        job: Job,
        index: int,
        part: _Part,
        settings: Any,
        stop: tuple[str, ...],
        reader: Reader,
        siblings: Sequence[Choice],
    ) -> Choice:
        leader = siblings[0] if siblings and len(part.prompt) >= _SHARED_PREFIX else None
        return Choice(
            job,
            index,
            part.prompt,
            settings,
            TextStream(self._vocabulary, stop),
            reader,
            leader,
            counts_prompt=not siblings,
        )

    async def _answer(
        self, request_id: str, job: Job, choices: list[Choice], first: Sequence[ChatEvent] = ()
    ) -> AsyncGenerator[ChatEvent, None]:
        if request_id:
            self._jobs.enter(request_id, job)
        try:
            if choices:
                self._steps.submit(choices)
            yield Started(job.prompt_tokens)
            for known in first:
                yield known
            if not choices:
                yield job.finished()
                return
            while True:
                if job.outlet is not None:
                    job.outlet.passed_on()
                for event in await job.events.get():
                    if isinstance(event, EngineError):
                        raise event
                    yield event
                    if isinstance(event, Finished):
                        return
        finally:
            self._steps.abandon(job)
            self._jobs.leave(request_id)


def open_pipeline(config: EngineConfig, graph: Path | None, *, caching: bool = True) -> Any:
    """Open the pipeline that the engine drives, on the converted `graph` or on the GGUF file itself.

    Raises `ConfigurationError`.
    """
    if config.context_length < 1 or config.cache_tokens < config.context_length:
        raise ConfigurationError(
            f"model '{config.snapshot}': cache_tokens ({config.cache_tokens}) must hold at least one "
            f"context of {config.context_length} tokens"
        )
    scheduler = genai.SchedulerConfig()
    scheduler.enable_prefix_caching = caching
    scheduler.num_kv_blocks = cache_blocks(config)
    scheduler.max_num_batched_tokens = config.batch_tokens
    scheduler.max_num_seqs = 2 * config.max_concurrency  # abandoned prompts are read beside the running ones
    properties = dict(SETTINGS) if graph else {}
    if config.threads:
        properties["INFERENCE_NUM_THREADS"] = config.threads
    return genai.ContinuousBatchingPipeline(str(graph or find_weights(config)), scheduler, "CPU", properties)


def settings_of(
    config: EngineConfig, graph: Path | None = None, *, caching: bool = True
) -> dict[str, object]:
    """Return the settings that can change an answer; threads do, for sums depend on their order."""
    return {
        "context_length": config.context_length,
        "threads": config.threads,
        "batch_tokens": config.batch_tokens,
        "prefix_caching": caching,
        "weights": WEIGHTS if graph else "as stored",
        **(SETTINGS if graph else {}),
    }


def cache_blocks(config: EngineConfig) -> int:
    """Return the KV cache's size in blocks of 32 tokens."""
    return -(-config.cache_tokens // BLOCK) + 1


def _reader(request: ChatRequest, index: int) -> Reader:
    match request.tool_choice:
        case NamedTool(name):
            return NamedReader(index, name)
        case "required":
            return RequiredReader(index)
        case "auto" if request.tools:
            return FreeReader(index, request.tools, parallel=request.parallel_tool_calls)
    return TextReader(index)


async def _encoded(size: int, encode: Callable[[], list[int]]) -> list[int]:
    return await asyncio.to_thread(encode) if size > _LONG_TEXT else encode()


def _exit_soon() -> None:
    """End the process once the failures are likely to have been told; its supervisor starts a new one."""
    threading.Timer(1.0, os._exit, args=(70,)).start()
