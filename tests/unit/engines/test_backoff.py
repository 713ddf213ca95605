from sayso.engines.backoff import Backoff


def test_doubles_up_to_a_minute() -> None:
    waits = []
    backoff = Backoff()
    for _ in range(9):
        backoff = backoff.after(ran_seconds=0.1)
        waits.append(backoff.seconds)
    assert waits == [0, 1, 2, 4, 8, 16, 32, 60, 60]


def test_a_long_run_starts_over() -> None:
    backoff = Backoff(failures=7).after(ran_seconds=120.0)
    assert backoff.seconds == 0
