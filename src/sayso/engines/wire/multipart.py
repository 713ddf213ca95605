"""Reads multipart/form-data into memory, never into a file, with bounds on everything a sender chooses."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from sayso.errors import BodyTooLarge, InvalidRequest

MAX_FIELDS = 200
MAX_FIELD_BYTES = 1 << 20
MAX_HEADER_BYTES = 1 << 13


@dataclass(frozen=True, slots=True)
class Form:
    """A form's text fields in order, `x[]` read as `x`, and the content of its one file part."""

    fields: tuple[tuple[str, str], ...]
    file: memoryview
    has_file: bool

    def text(self, name: str) -> str | None:
        """Return the last value of a field."""
        values = self.texts(name)
        return values[-1] if values else None

    def texts(self, name: str) -> list[str]:
        """Return every value of a field."""
        return [value for key, value in self.fields if key == name]


@dataclass(slots=True)
class _Part:
    header_name: bytearray = field(default_factory=bytearray)
    header_value: bytearray = field(default_factory=bytearray)
    header_bytes: int = 0
    name: str = ""
    is_file: bool = False
    content: bytearray = field(default_factory=bytearray)


class _Reader:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.fields: list[tuple[str, str]] = []
        self.file: bytearray | None = None
        self.part = _Part()
        self.parts = 0
        self.complete = False

    def on_part_begin(self) -> None:
        self.part = _Part()
        self.parts += 1
        if self.parts > MAX_FIELDS:
            raise InvalidRequest(f"The form has more than {MAX_FIELDS} parts.")

    def on_header_field(self, content: bytes, start: int, end: int) -> None:
        self.part.header_name += content[start:end]
        self._count_header(end - start)

    def on_header_value(self, content: bytes, start: int, end: int) -> None:
        self.part.header_value += content[start:end]
        self._count_header(end - start)

    def on_header_end(self) -> None:
        if self.part.header_name.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self.part.header_value))
            name = options.get(b"name", b"").decode("utf-8", "replace")
            self.part.name = name[:-2] if name.endswith("[]") else name
            self.part.is_file = b"filename" in options
        self.part.header_name.clear()
        self.part.header_value.clear()

    def on_part_data(self, content: bytes, start: int, end: int) -> None:
        self.part.content += content[start:end]
        if self.part.is_file:
            if len(self.part.content) > self.limit:
                raise BodyTooLarge(limit=self.limit, received=len(self.part.content))
        elif len(self.part.content) > MAX_FIELD_BYTES:
            raise InvalidRequest("A form field is too long.", param=self.part.name[:64] or None)

    def on_part_end(self) -> None:
        if self.part.is_file and self.part.name == "file":
            self.file = self.part.content
        elif not self.part.is_file:
            try:
                self.fields.append((self.part.name, self.part.content.decode()))
            except UnicodeDecodeError:
                raise InvalidRequest(
                    "A form field is not UTF-8 text.", param=self.part.name[:64] or None
                ) from None

    def on_end(self) -> None:
        self.complete = True

    def _count_header(self, size: int) -> None:
        self.part.header_bytes += size
        if self.part.header_bytes > MAX_HEADER_BYTES:
            raise InvalidRequest("A part's headers are too long.")


async def read_form(content_type: str, body: AsyncIterator[bytes], file_limit: int) -> Form:
    """Read a whole form whose file part may have `file_limit` bytes.

    Raises `BodyTooLarge` as soon as the limit is passed, `InvalidRequest` for what is no such form.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary or len(boundary) > 256:
        raise InvalidRequest("The request must be multipart/form-data with a boundary.")
    reader = _Reader(file_limit)
    callbacks = {
        name: getattr(reader, name)
        for name in (
            "on_part_begin",
            "on_header_field",
            "on_header_value",
            "on_header_end",
            "on_part_data",
            "on_part_end",
            "on_end",
        )
    }
    parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]  # a TypedDict of these names
    try:
        async for piece in body:
            parser.write(piece)
        parser.finalize()
    except FormParserError as error:
        raise InvalidRequest("The multipart body is malformed.") from error
    if not reader.complete:
        raise InvalidRequest("The multipart body ends too early.")
    content = reader.file if reader.file is not None else bytearray()
    return Form(tuple(reader.fields), memoryview(content), reader.file is not None)
