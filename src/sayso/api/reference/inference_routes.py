"""Chats, completions, speech, models and health."""

from sayso.api.openai.audio_request import FORMATS, GRANULARITIES
from sayso.api.openai.chat_schemas import ChatBody
from sayso.api.openai.completion_schemas import CompletionBody
from sayso.api.openai.stored_completions import MetadataBody
from sayso.api.reference.note import Chapter, Json, Note

PAGE = ("limit", "after", "before", "order")
WORKS = (  # what any request to a model may meet
    "model_not_found",
    "model_not_supported",
    "rate_limit_exceeded",
    "insufficient_quota",
    "instance_overloaded",
    "idempotency_in_progress",
    "idempotency_key_reused",
    "idempotency_replay_unavailable",
    "no_price",
    "server_is_overloaded",
    "EngineFailed",
    "EngineUnavailable",
    "Draining",
)
TEXT: Json = {"type": "string"}
FILE: Json = {"type": "string", "format": "binary"}
SPOKEN: dict[str, Json] = {
    "file": FILE,
    "model": TEXT,
    "prompt": TEXT,
    "response_format": {"type": "string", "enum": list(FORMATS), "default": "json"},
    "temperature": {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
}
HEARD = ("AudioRejected", "audio_too_short", "invalid_language")

CHAT = Chapter(
    "chat",
    "Chat completions",
    "A conversation goes in, the next message comes out. The [guide](../guides/chat.md) shows how, "
    "[the API](../api.md#chat-completions) says what each parameter does here.",
    {
        ("POST", "/v1/chat/completions"): Note(
            "Create a chat completion",
            "chat.completions.create",
            body=ChatBody,
            example={
                "model": "gpt-3.5-turbo",
                "messages": [
                    {"role": "system", "content": "You answer in one short sentence."},
                    {"role": "user", "content": "Why is the sky blue?"},
                ],
                "max_tokens": 60,
            },
            codes=(*WORKS, "context_length_exceeded", "unsupported_parameter"),
        ),
        ("GET", "/v1/chat/completions"): Note(
            "List stored completions",
            "chat.completions.list",
            query=("model", "metadata", "limit", "after", "order"),
        ),
        ("GET", "/v1/chat/completions/{completion_id}"): Note(
            "Retrieve a stored completion", "chat.completions.retrieve"
        ),
        ("POST", "/v1/chat/completions/{completion_id}"): Note(
            "Replace a stored completion's metadata",
            "chat.completions.update",
            body=MetadataBody,
            example={"metadata": {"topic": "sky"}},
            codes=("legal_hold",),
        ),
        ("DELETE", "/v1/chat/completions/{completion_id}"): Note(
            "Delete a stored completion", "chat.completions.delete"
        ),
        ("GET", "/v1/chat/completions/{completion_id}/messages"): Note(
            "List a stored completion's messages", "chat.completions.messages.list", query=PAGE
        ),
    },
    key="project",
)

COMPLETIONS = Chapter(
    "completions",
    "Legacy completions",
    "Raw text is continued, without roles or a chat template.",
    {
        ("POST", "/v1/completions"): Note(
            "Create a completion",
            "completions.create",
            body=CompletionBody,
            example={"model": "gpt-3.5-turbo", "prompt": "The capital of France is", "max_tokens": 8},
            codes=(*WORKS, "context_length_exceeded", "unsupported_parameter"),
        ),
    },
    key="project",
)

AUDIO = Chapter(
    "audio",
    "Audio",
    "Recordings become text. The body is a form with the file; guides show "
    "[transcripts](../guides/transcription.md), [subtitles](../guides/subtitles.md), "
    "[translation](../guides/translation.md) and [languages](../guides/languages.md).",
    {
        ("POST", "/v1/audio/transcriptions"): Note(
            "Create a transcription",
            "audio.transcriptions.create",
            form={
                **SPOKEN,
                "language": TEXT,
                "timestamp_granularities[]": {
                    "type": "array",
                    "items": {"type": "string", "enum": list(GRANULARITIES)},
                },
                "stream": {"type": "boolean", "default": False},
                "chunking_strategy": {"type": "string", "enum": ["auto"]},
            },
            example={"file": "speech.mp3", "model": "whisper-1"},
            codes=(*WORKS, *HEARD, "unsupported_parameter"),
        ),
        ("POST", "/v1/audio/translations"): Note(
            "Create a translation",
            "audio.translations.create",
            form=SPOKEN,
            example={"file": "speech.mp3", "model": "whisper-1"},
            codes=(*WORKS, *HEARD),
        ),
        ("POST", "/v1/audio/languages"): Note(
            "Name the languages of a recording",
            form={
                "file": FILE,
                "model": TEXT,
                "limit": {"type": "integer", "minimum": 1, "default": 5},
            },
            example={"file": "speech.mp3", "model": "whisper-1"},
            codes=(*WORKS, "AudioRejected", "audio_too_short"),
        ),
    },
    key="project",
)

MODELS = Chapter(
    "models",
    "Models",
    "Every name that a request may use. [Models and their names](../models.md) says what a name leads to.",
    {
        ("GET", "/v1/models"): Note("List models", "models.list"),
        ("GET", "/v1/models/{model}"): Note(
            "Retrieve a model", "models.retrieve", codes=("model_not_found",)
        ),
        ("DELETE", "/v1/models/{model}"): Note("Delete a model", "models.delete", codes=("model_not_found",)),
    },
    key="project",
)

HEALTH = Chapter(
    "health",
    "Health",
    "For probes and scrapers, without a key. [Operation](../operations.md#health) says more.",
    {
        ("GET", "/livez"): Note("Does the process work?"),
        ("GET", "/readyz"): Note("Are real requests answered?"),
        ("GET", "/metrics"): Note("Metrics", answer="text/plain"),
        ("GET", "/openapi.json"): Note("This reference as an OpenAPI document"),
    },
    key="none",
)
