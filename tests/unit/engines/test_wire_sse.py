from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sayso.engines.wire.sse import SseParser

STREAM = (
    b'data: {"a": 1}\n\n: alive\n\ndata: two\ndata:lines\n\nevent: x\r\ndata: crlf\r\n\r\ndata: [DONE]\n\n'
)


def test_reads_data_and_skips_comments() -> None:
    assert list(SseParser().feed(STREAM)) == [b'{"a": 1}', b"two\nlines", b"crlf", b"[DONE]"]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_pieces_may_be_cut_anywhere(cuts: list[int]) -> None:
    parser = SseParser()
    edges = [0, *sorted(cuts), len(STREAM)]
    found = [data for start, end in pairwise(edges) for data in parser.feed(STREAM[start:end])]
    assert found == [b'{"a": 1}', b"two\nlines", b"crlf", b"[DONE]"]
