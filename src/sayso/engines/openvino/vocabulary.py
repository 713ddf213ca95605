"""What each token id is worth in bytes, so that text is put together without asking the tokenizer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`raw` holds every token's bytes by id; `special` the ids that steer the model and are never text."""

    raw: tuple[bytes, ...]
    special: frozenset[int]

    @classmethod
    def of(cls, tokenizer: Any) -> "Vocabulary":
        """Read the vocabulary of an `openvino_genai.Tokenizer`."""
        by_id = {int(token): bytes(piece) for piece, token in tokenizer.get_vocab().items()}
        size = max(by_id) + 1
        for token in range(size):
            if token not in by_id:
                by_id[token] = str(tokenizer.decode([token], skip_special_tokens=False)).encode()
        raw = tuple(by_id[token] for token in range(size))
        return cls(raw, _special(tokenizer, raw))

    def __len__(self) -> int:
        return len(self.raw)

    def text_bytes(self, token: int) -> bytes:
        """Return what `token` adds to the text: nothing for a special token."""
        return b"" if token in self.special else self.raw[token]

    def text(self, tokens: Sequence[int]) -> str:
        """Return the text of whole `tokens`; broken UTF-8 becomes U+FFFD."""
        return b"".join(map(self.text_bytes, tokens)).decode(errors="replace")

    @property
    def special_texts(self) -> tuple[str, ...]:
        """How the special tokens are written, the longest first."""
        return tuple(sorted((self.raw[t].decode() for t in self.special), key=len, reverse=True))


def _special(tokenizer: Any, raw: Sequence[bytes]) -> frozenset[int]:
    shaped = [
        i for i, piece in enumerate(raw) if piece[:1] in b"<[" and piece[-1:] in b">]" and len(piece) > 2
    ]
    texts = tokenizer.decode([[i] for i in shaped], skip_special_tokens=True) if shaped else []
    return frozenset(i for i, text in zip(shaped, texts, strict=True) if text == "")
