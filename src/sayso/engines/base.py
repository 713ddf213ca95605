"""The seam: what an engine is, whatever runs behind it.

Rules that every engine keeps, and the contract suite checks:

1. The stream's first event is `Started` (or `SpeechStarted`). A refusal is raised before it: an
   `InvalidRequest` for what the caller can mend, an `EngineError` for what the caller can not.
2. After the first event the only exception is an `EngineError`.
3. The stream's last event is `Finished` (or `SpeechFinished`), once, with the whole usage.
4. Closing the stream (`aclose`) aborts the work at once; a request that waits never starts.
5. A chat that has an id can be asked after that what it used (`stop`), to the token.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from sayso.core.chat import ChatEvent, ChatRequest, CompletionRequest
from sayso.core.speech import Audio, LanguageProbability, SpeechEvent, SpeechRequest
from sayso.core.usage import TokenUsage
from sayso.errors import EngineError


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine says of itself once it is ready.

    `fingerprint` names the snapshot, the engine's build and its settings: the response's
    `system_fingerprint`. `context_length` is in tokens, 0 for speech. `resident_bytes` is the memory of
    the process that runs it, 0 where unknown. `running` and `waiting` count requests at this moment,
    `generated` every token written since the start, whatever became of its request. `loaded_bytes` is the
    memory that it took before its first request, `cache_token_bytes` what each token in its cache adds; 0
    where that was not measured.
    """

    fingerprint: str
    context_length: int = 0
    resident_bytes: int = 0
    running: int = 0
    waiting: int = 0
    generated: int = 0
    loaded_bytes: int = 0
    cache_token_bytes: int = 0


class ChatEngine(Protocol):
    """Continues conversations and text."""

    async def info(self) -> EngineInfo:
        """Describe the engine. Raises `EngineUnavailable` while it loads."""
        ...

    def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Continue a conversation."""
        ...

    def complete(self, request: CompletionRequest) -> AsyncGenerator[ChatEvent, None]:
        """Continue raw text."""
        ...

    async def stop(self, request_id: str) -> TokenUsage | None:
        """Stop a request, if it still runs, and return all that it used, whether somebody read it or not.

        To be asked after its stream was closed. None where the engine does not count or does not
        know the request; nothing where its work never began.
        """
        ...


class Outlet(Protocol):
    """A shorter way for a stream's events than through its generator, for the thread that makes them."""

    def take(self, events: Sequence[ChatEvent | EngineError]) -> bool:
        """Send a batch at once; False where it has to go through the generator, as the last one has to."""
        ...

    def passed_on(self) -> None:
        """Hear, in the event loop, that a batch that was not taken has come through the generator.

        The first one is what the stream begins with, for which nobody asks.
        """
        ...


@runtime_checkable
class PushingChatEngine(ChatEngine, Protocol):
    """A chat engine that can send past the event loop; each stream keeps its order."""

    def chat_into(self, request: ChatRequest, outlet: Outlet) -> AsyncGenerator[ChatEvent, None]:
        """Continue a conversation, as `chat` does; what `outlet` takes is not yielded."""
        ...

    def complete_into(self, request: CompletionRequest, outlet: Outlet) -> AsyncGenerator[ChatEvent, None]:
        """Continue raw text in the same way."""
        ...


class SpeechEngine(Protocol):
    """Turns speech into text."""

    async def info(self) -> EngineInfo:
        """Describe the engine. Raises `EngineUnavailable` while it loads."""
        ...

    def check_room(self) -> None:
        """Raise `EngineOverloaded` where a request would be refused now, as far as is known here.

        So that nobody decodes a recording for an engine that is full. One that passes may be refused still.
        """
        ...

    def transcribe(self, request: SpeechRequest) -> AsyncGenerator[SpeechEvent, None]:
        """Transcribe, or translate into English, as `request.task` says."""
        ...

    async def detect_language(self, model: str, audio: Audio) -> tuple[LanguageProbability, ...]:
        """Return every language the model knows, the most probable first; the sum is 1."""
        ...
