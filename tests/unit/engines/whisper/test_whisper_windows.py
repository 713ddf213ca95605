from sayso.engines.whisper.windows import Piece, cut_window

T = 1000  # the token of 0.00


def at(seconds: float) -> int:
    return T + round(seconds / 0.02)


def test_pairs_of_timestamps_end_one_piece_and_begin_the_next() -> None:
    tokens = [at(0), 1, 2, at(2.5), at(2.5), 3, at(4), at(4)]
    cut = cut_window(tokens, T, 3000)
    assert cut.pieces == (
        Piece(0, 250, (at(0), 1, 2, at(2.5))),
        Piece(250, 400, (at(2.5), 3, at(4))),
    )


def test_an_unfinished_piece_is_left_to_a_window_that_starts_at_the_last_end() -> None:
    cut = cut_window([at(0), 1, at(28.4), at(29), 2, 3], T, 3000)
    assert [piece.tokens for piece in cut.pieces] == [(at(0), 1, at(28.4))]
    assert cut.advance == 2840
    assert not cut.complete


def test_after_a_lone_closing_timestamp_the_window_is_done() -> None:
    cut = cut_window([at(0), 1, at(2), at(3), 2, at(5)], T, 3000)
    assert [(piece.start, piece.end) for piece in cut.pieces] == [(0, 200), (300, 500)]
    assert cut.advance == 3000
    assert cut.complete


def test_one_piece_ends_at_its_timestamp_or_at_the_window() -> None:
    assert cut_window([at(0), 1, at(2)], T, 1200).pieces[0].end == 200
    assert cut_window([at(0), 1, 2], T, 1200).pieces[0].end == 1200
    assert cut_window([1, 2], T, 1200).advance == 1200


def test_a_window_always_moves_on() -> None:
    assert cut_window([at(0), at(0), 5], T, 3000).advance == 3000
    assert cut_window([at(0), 1, at(0.1), at(0.1), 5], T, 3000).advance == 3000
    assert cut_window([], T, 700).advance == 700


def test_a_window_that_ends_in_a_pause_holds_its_last_piece_too() -> None:
    cut = cut_window([at(0), 1, at(6), at(6), 2, 3], T, 900, whole=True)
    assert cut.pieces == (Piece(0, 600, (at(0), 1, at(6))), Piece(600, 900, (at(6), 2, 3)))
    assert (cut.advance, cut.complete) == (900, True)


def test_less_than_a_second_behind_the_last_time_is_how_it_was_rounded() -> None:
    tokens = [at(0), 1, at(8), at(8)]
    cut = cut_window(tokens, T, 842, whole=True)
    assert [piece.tokens for piece in cut.pieces] == [(at(0), 1, at(8))]
    assert (cut.advance, cut.complete) == (842, True)
    assert cut_window(tokens, T, 901, whole=True).advance == 800  # somebody may have said more
    assert cut_window(tokens, T, 842).advance == 800  # the window cuts what is said
