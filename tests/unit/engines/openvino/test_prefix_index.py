"""The model of the engine's prefix cache."""

from sayso.engines.openvino.prefix import BLOCK, PrefixIndex


def test_whole_blocks_are_counted_and_one_token_is_always_computed() -> None:
    index = PrefixIndex(100)
    prompt = list(range(70))
    assert index.hit(prompt) == 0
    index.store(prompt)
    assert index.hit(prompt) == 64
    assert index.hit(prompt[:64]) == 63
    assert index.hit([*prompt[:40], 9, 9, 9, *range(30)]) == BLOCK
    assert index.hit([1, *prompt]) == 0


def test_the_least_recently_used_blocks_are_forgotten() -> None:
    index = PrefixIndex(8)  # remembers 7
    old, kept = [1] * BLOCK, [2] * BLOCK
    index.store(old)
    index.store(kept)
    for n in range(5):
        index.store([100 + n] * BLOCK)
    assert index.hit([*kept, 0]) == BLOCK
    index.store([200] * BLOCK)
    assert index.hit([*old, 0]) == 0
    assert index.hit([*kept, 0]) == BLOCK
