from itertools import pairwise

from shared.runtime.backoff import IdlePause, retry_delay


def test_idle_polls_back_off_from_a_tenth_of_a_second_and_start_over() -> None:
    pause = IdlePause(longest=2)
    pauses = [pause.next() for _ in range(20)]
    assert pauses[0] == 0.1
    assert all(a < b or b == 2 for a, b in pairwise(pauses))
    assert pauses[-1] == 2
    pause.reset()
    assert pause.next() == 0.1


def test_retry_delays_grow_and_are_jittered() -> None:
    def delays(attempt: int) -> list[float]:
        return [retry_delay(attempt, first=1, longest=60) for _ in range(200)]

    for attempt in range(1, 6):
        whole = 2.0 ** (attempt - 1)
        assert all(whole / 2 <= delay <= whole for delay in delays(attempt))
        assert len(set(delays(attempt))) > 100
    assert max(delays(1000)) <= 60
