"""Multipart forms, parsed as they arrive and kept in memory: an upload never touches a disk."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from sayso.errors import BodyTooLarge, InvalidRequest

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_PARTS = 128
FILE_FIELD = "file"


@dataclass(slots=True)
class Form:
    """Text fields by name, `[]` at a name's end left out; `file` is None where none came."""

    fields: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    file: bytearray | None = None

    def text(self, name: str) -> str | None:
        """Return the last value of a field."""
        return self.fields[name][-1] if name in self.fields else None


class FormReader:
    """Reads one form with one file, in the field `file`, of at most `max_file_bytes`.

    Everything raises `InvalidRequest` for a body of another kind, a broken one, and one with too many parts;
    `BodyTooLarge` as soon as the file is over its limit.
    """

    def __init__(self, content_type: str | None, max_file_bytes: int) -> None:
        boundary = _boundary(content_type)
        self._max_file_bytes = max_file_bytes
        self._form = Form()
        self._parts = 0
        self._ended = False
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._disposition = b""
        self._name = ""
        self._into = bytearray()
        self._is_file = False
        try:
            self._parser = MultipartParser(boundary, self._callbacks())
        except FormParserError:
            raise _broken() from None

    def feed(self, chunk: bytes) -> None:
        """Parse the next bytes."""
        if self._ended:
            return  # whatever follows the closing boundary means nothing
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise _broken() from None

    def finish(self) -> Form:
        """Return the form once the body is complete."""
        if not self._ended:
            raise _broken()
        return self._form

    def _callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._part_begin,
            "on_header_begin": self._header_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value_part,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise InvalidRequest(f"The form has more than {MAX_PARTS} parts.")
        self._disposition = b""

    def _header_begin(self) -> None:
        self._header_name.clear()
        self._header_value.clear()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _header_value_part(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = bytes(self._header_value)

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode(errors="replace").removesuffix("[]")
        has_filename = b"filename" in options or b"filename*" in options
        if not self._name:
            raise _broken()
        self._is_file = self._name == FILE_FIELD
        if self._is_file and not has_filename:
            raise InvalidRequest(
                "Invalid 'file': expected a file upload, but got a text field (without a filename).",
                param="file",
                code="invalid_type",
            )
        if has_filename and not self._is_file:
            raise InvalidRequest("Only the field 'file' may be a file upload.", code="invalid_type")
        if self._is_file and self._form.file is not None:
            raise InvalidRequest("Only one file may be uploaded.", param="file", code="invalid_value")
        self._into = bytearray()
        if self._is_file:
            self._form.file = self._into

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._into += memoryview(data)[start:end]
        if self._is_file and len(self._into) > self._max_file_bytes:
            raise BodyTooLarge(limit=self._max_file_bytes, received=len(self._into))

    def _part_end(self) -> None:
        if self._is_file:
            return
        try:
            text = self._into.decode()
        except UnicodeDecodeError:
            raise InvalidRequest("A text field of the form is not UTF-8.") from None
        if "\0" in text:
            raise InvalidRequest("A text field of the form holds a NUL character (U+0000).")
        self._form.fields.setdefault(self._name, []).append(text)

    def _end(self) -> None:
        self._ended = True


def _boundary(content_type: str | None) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidRequest("The body of this request must be multipart/form-data with a boundary.")
    return boundary


def _broken() -> InvalidRequest:
    return InvalidRequest("Could not parse multipart form.")
