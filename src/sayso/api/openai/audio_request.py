"""From a form's text fields to what a transcription, translation or detection needs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast, get_args

from sayso.api.field_errors import (
    above_maximum,
    below_minimum,
    combination_error,
    invalid_type,
    invalid_value,
    missing,
    string_too_long,
    unknown_parameter,
)
from sayso.api.services import VendorExtras
from sayso.api.validation import field_path
from sayso.audio.formats import SEGMENTS_ONLY, Granularity, ResponseFormat
from sayso.core.chat import JsonObject
from sayso.core.languages import language_code
from sayso.core.speech import Audio, SpeechRequest, Task
from sayso.errors import InvalidRequest, UnsupportedParameter

FORMATS: tuple[ResponseFormat, ...] = get_args(ResponseFormat)
GRANULARITIES: tuple[Granularity, ...] = get_args(Granularity)
MAX_PROMPT_CHARACTERS = 16_384
DEFAULT_LANGUAGES = 5

_OTHER_MODELS_ONLY = ("include", "known_speaker_names", "known_speaker_references", "languages", "keywords")
_COMMON = {"model"}
_TRANSLATION = _COMMON | {"prompt", "response_format", "temperature", "coverage"}
_TRANSCRIPTION = _TRANSLATION | {
    "language",
    "timestamp_granularities",
    "stream",
    "chunking_strategy",
    *_OTHER_MODELS_ONLY,
}
_DETECTION = _COMMON | {"limit"}

Fields = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class SpeechCall:
    """A transcription or translation before its audio is decoded."""

    model: str
    task: Task
    language: str | None = None
    prompt: str | None = None
    temperature: float = 0.0
    response_format: ResponseFormat = "json"
    granularities: frozenset[Granularity] = SEGMENTS_ONLY
    stream: bool = False
    coverage: bool = False

    @property
    def parameters(self) -> JsonObject:
        """What it asks for beside its sound, for the record of it."""
        return {
            "language": self.language,
            "prompt": self.prompt,
            "temperature": self.temperature,
            "response_format": self.response_format,
        }

    def request(self, audio: Audio) -> SpeechRequest:
        """Return the core's request for `audio`."""
        return SpeechRequest(
            model=self.model,
            audio=audio,
            task=self.task,
            language=self.language,
            prompt=self.prompt,
            temperature=self.temperature,
            word_timestamps="word" in self.granularities,
            coverage=self.coverage,
        )


@dataclass(frozen=True, slots=True)
class DetectionCall:
    """A language detection; `limit` is how many languages the answer names."""

    model: str
    limit: int = DEFAULT_LANGUAGES


def transcription_call(fields: Fields, extras: VendorExtras) -> SpeechCall:
    """Read a transcription's fields. Raises `InvalidRequest`, `UnsupportedParameter` naming the field."""
    _check_names(fields, _TRANSCRIPTION, extras)
    for name in _OTHER_MODELS_ONLY:
        if fields.get(name):
            raise UnsupportedParameter(name)
    if _text(fields, "chunking_strategy") not in (None, "auto"):
        raise UnsupportedParameter("chunking_strategy", "Only the chunking_strategy 'auto' is supported.")
    response_format = _response_format(fields)
    stream = _boolean(fields, "stream")
    if stream and response_format not in ("json", "text"):
        raise combination_error(
            "response_format", "A streamed transcription can not have this 'response_format'; use 'json'."
        )
    return SpeechCall(
        model=_model(fields),
        task="transcribe",
        language=_language(fields),
        prompt=_prompt(fields),
        temperature=_temperature(fields),
        response_format=response_format,
        granularities=_granularities(fields, response_format),
        stream=stream,
        coverage=_coverage(fields, response_format),
    )


def translation_call(fields: Fields, extras: VendorExtras) -> SpeechCall:
    """Read the fields of a translation; raises as `transcription_call` does."""
    _check_names(fields, _TRANSLATION, extras)
    response_format = _response_format(fields)
    return SpeechCall(
        model=_model(fields),
        task="translate",
        prompt=_prompt(fields),
        temperature=_temperature(fields),
        response_format=response_format,
        coverage=_coverage(fields, response_format),
    )


def detection_call(fields: Fields, extras: VendorExtras) -> DetectionCall:
    """Read the fields of a language detection; raises as `transcription_call` does."""
    _check_names(fields, _DETECTION, extras)
    text = _text(fields, "limit")
    if text is None:
        return DetectionCall(_model(fields))
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and int(text) >= 1):
        raise InvalidRequest(
            "Invalid 'limit': expected an integer >= 1.", param="limit", code="integer_below_min_value"
        )
    return DetectionCall(_model(fields), int(text))


def _check_names(fields: Fields, known: set[str], extras: VendorExtras) -> None:
    for name in fields:
        base = name.partition("[")[0]
        if base not in known and extras == "reject":
            raise unknown_parameter(field_path((name,)))
        # `chunking_strategy[type]` is how forms spell the objects that none of the models here take.
        if base != name and base in known:
            raise UnsupportedParameter(base)


def _text(fields: Fields, name: str) -> str | None:
    """Return the only value of `name`; an empty one is none, for forms can not say null."""
    values = fields.get(name, [])
    if len(values) > 1:
        raise invalid_type(name, "a single value", values)
    return values[0] or None if values else None


def _model(fields: Fields) -> str:
    model = _text(fields, "model")
    if model is None:
        raise missing("model")
    return _bounded("model", model, 256)


def _prompt(fields: Fields) -> str | None:
    prompt = _text(fields, "prompt")
    return None if prompt is None else _bounded("prompt", prompt, MAX_PROMPT_CHARACTERS)


def _bounded(name: str, text: str, limit: int) -> str:
    if len(text) > limit:
        raise string_too_long(name, len(text), limit)
    return text


def _language(fields: Fields) -> str | None:
    text = _text(fields, "language")
    if text is None:
        return None
    code = language_code(text)
    if code is None:
        raise InvalidRequest(
            "Invalid 'language': expected an ISO-639-1 code that the model knows, such as 'en'.",
            param="language",
            code="invalid_value",
        )
    return code


def _response_format(fields: Fields) -> ResponseFormat:
    text = _text(fields, "response_format")
    if text is None:
        return "json"
    if text == "diarized_json":
        raise UnsupportedParameter(
            "response_format", "The response_format 'diarized_json' is not supported with this model."
        )
    if text not in FORMATS:
        raise invalid_value("response_format", text, ", ".join(f"'{name}'" for name in FORMATS))
    return text


def _granularities(fields: Fields, response_format: ResponseFormat) -> frozenset[Granularity]:
    values = [value for value in fields.get("timestamp_granularities", []) if value]
    if not values:
        return SEGMENTS_ONLY
    for index, value in enumerate(values):
        if value not in GRANULARITIES:
            raise invalid_value(f"timestamp_granularities[{index}]", value, "'word', 'segment'")
    if response_format != "verbose_json":
        raise combination_error(
            "timestamp_granularities",
            "'timestamp_granularities' is only allowed when 'response_format' is 'verbose_json'.",
        )
    return frozenset(cast("list[Granularity]", values))


def _coverage(fields: Fields, response_format: ResponseFormat) -> bool:
    asked = _boolean(fields, "coverage")
    if asked and response_format != "verbose_json":
        raise combination_error(
            "coverage", "'coverage' is only allowed when 'response_format' is 'verbose_json'."
        )
    return asked


def _temperature(fields: Fields) -> float:
    text = _text(fields, "temperature")
    if text is None:
        return 0.0
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise invalid_type("temperature", "a decimal", text)
    if value < 0.0:
        raise below_minimum("temperature", value, 0.0)
    if value > 1.0:
        raise above_maximum("temperature", value, 1.0)
    return value


def _boolean(fields: Fields, name: str) -> bool:
    match (_text(fields, name) or "false").lower():
        case "true" | "1":
            return True
        case "false" | "0":
            return False
        case text:
            raise invalid_type(name, "a boolean", text)
