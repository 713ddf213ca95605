"""Which part of a prompt the engine's prefix cache serves: a model of its block table.

OpenVINO GenAI keeps the keys and values of every block of 32 tokens under a hash of all tokens up to the
block's end, restores them block by block when a request is added, and overwrites the least recently used
ones when it runs out. It does not say what it restored, so the same bookkeeping is done here. Whole blocks
alone are counted (the engine restores a part of one more block at times), and fewer blocks are remembered
than the engine has, so the count errs downwards.
"""

from collections import OrderedDict
from collections.abc import Sequence

BLOCK = 32  # tokens; the CPU plugin's block size


class PrefixIndex:
    """The blocks that are in the cache, the least recently used first; none where it has none."""

    def __init__(self, blocks: int) -> None:
        self._capacity = blocks * 7 // 8
        self._blocks: OrderedDict[int, None] = OrderedDict()

    def hit(self, tokens: Sequence[int]) -> int:
        """Return how many of a prompt's tokens are restored; at least one is always computed."""
        found = 0
        for block in _chain(tokens):
            if block not in self._blocks:
                break
            self._blocks.move_to_end(block)
            found += BLOCK
        return max(0, min(found, len(tokens) - 1))

    def store(self, tokens: Sequence[int]) -> None:
        """Remember the blocks of tokens whose keys and values have been computed."""
        for block in _chain(tokens):
            self._blocks[block] = None
            self._blocks.move_to_end(block)
        while len(self._blocks) > self._capacity:
            self._blocks.popitem(last=False)


def _chain(tokens: Sequence[int]) -> list[int]:
    chain: list[int] = []
    seed = 0
    for start in range(0, len(tokens) - BLOCK + 1, BLOCK):
        seed = hash((seed, *tokens[start : start + BLOCK]))
        chain.append(seed)
    return chain
