"""What failing workers are taken for."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.patience import (
    LONG_AGO,
    Hopeless,
    Trouble,
    continued,
    failed_tries,
    may_start,
    never_a_node,
    never_at_work,
    no_answer,
    rest_until,
)
from shared.clusters.state import WorkerState

NOON = datetime(2018, 5, 1, 12, tzinfo=UTC)


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def ended(asked: float, seconds: float = 1, failed: bool = True) -> WorkerState:
    return WorkerState("w", at(asked), at(asked), at(asked + seconds), failed, "exit code 3")


def running(asked: float) -> WorkerState:
    return WorkerState("w", at(asked), at(asked))


def queued(asked: float) -> WorkerState:
    return WorkerState("w", at(asked))


def rest(*workers: WorkerState) -> float | None:
    until = rest_until(failed_tries(workers, None))
    last = workers[-1].ended
    assert last
    return None if until == LONG_AGO else (until - last).total_seconds()


def test_workers_that_fail_are_started_ever_more_rarely() -> None:
    assert rest(ended(1), ended(3)) is None
    assert rest(ended(1), ended(3), ended(5)) == 2
    assert rest(ended(1), ended(3), ended(5), ended(7)) == 4
    assert rest(*(ended(2 * n) for n in range(20))) == 60
    assert rest(ended(1), ended(3, failed=False), ended(5), ended(7)) is None


def test_failures_side_by_side_are_one_try() -> None:
    assert len(failed_tries([ended(0), ended(0), ended(0.5)], None)) == 1
    assert len(failed_tries([ended(0), ended(0), ended(2), ended(2.5), ended(4)], None)) == 3


def test_what_failed_before_a_worker_got_to_work_is_forgotten() -> None:
    failures = [ended(10 * n) for n in range(6)]
    assert len(failed_tries(failures, at(-5))) == 6
    assert len(failed_tries(failures, at(25))) == 3
    assert failed_tries(failures, at(55)) == []


def test_after_a_failure_one_goes_ahead() -> None:
    assert may_start(4, [], [], at(9)) == 4
    tries = [ended(0)]
    assert may_start(4, tries, tries, at(9)) == 1
    assert may_start(0, tries, tries, at(9)) == 0
    assert may_start(3, [*tries, queued(2)], tries, at(9)) == 0
    assert may_start(3, [*tries, running(2)], tries, at(9)) == 0
    assert may_start(3, [*tries, running(2)], [], at(9)) == 3
    assert may_start(3, [running(-100), *tries], tries, at(9)) == 1


def test_nobody_starts_during_a_rest() -> None:
    failures = [ended(0), ended(2), ended(4)]
    tries = failed_tries(failures, None)
    assert may_start(1, failures, tries, at(6.9)) == 0
    assert may_start(1, failures, tries, at(7)) == 1


def test_hope_ends_after_so_many_tries() -> None:
    failures = [ended(2 * n) for n in range(6)]
    tries = failed_tries(failures, None)
    assert never_at_work(failures, tries, 7) is None
    assert never_at_work([*failures, running(20)], tries, 6) is None
    hopeless = never_at_work(failures, tries, 6)
    assert hopeless
    assert hopeless.last == at(10)
    assert hopeless.why == "6 workers in a row failed; the last: exit code 3"


def test_hope_is_back_with_the_first_that_leaves_in_peace() -> None:
    failures = [ended(2 * n) for n in range(6)]
    assert failed_tries([*failures, ended(20, failed=False)], None) == []


def test_no_node_for_too_long_is_hopeless_where_the_cluster_says_why() -> None:
    waiting = [queued(0), queued(50)]
    trouble = Trouble("no quota", at(20))
    assert never_a_node(waiting, trouble, at(99), 100) is None
    assert never_a_node(waiting, None, at(200), 100) is None
    assert never_a_node([], trouble, at(200), 100) is None
    assert never_a_node([*waiting, running(1)], trouble, at(200), 100) is None
    hopeless = never_a_node(waiting, trouble, at(140), 100)
    assert hopeless
    assert hopeless.last == at(40)
    assert hopeless.why == "no node came for 100 s: no quota"


def test_trouble_that_has_only_begun_ends_nothing_that_waited_longer() -> None:
    assert never_a_node([queued(0)], Trouble("no quota", at(139)), at(140), 100) is None
    assert no_answer(Trouble("too many requests", at(139)), None, at(140), 100) is None


def test_trouble_lasts_until_a_look_finds_none() -> None:
    first = continued(None, "no quota", at(1))
    assert first == Trouble("no quota", at(1))
    assert continued(first, "no route", at(5)) == Trouble("no route", at(1))
    assert continued(first, None, at(5)) is None


def test_no_answer_for_too_long_is_hopeless_where_nobody_is_at_work() -> None:
    trouble = Trouble("Batch AI doesn't answer", at(0))
    assert no_answer(trouble, None, at(99), 100) is None
    assert no_answer(trouble, at(60), at(140), 100) is None
    hopeless = no_answer(trouble, at(-60), at(140), 100)
    assert hopeless == Hopeless("Batch AI doesn't answer", at(40))


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0.1, 30), st.booleans()), max_size=30))
def test_a_row_of_failures_is_one_after_the_other(spans: list[tuple[float, float, bool]]) -> None:
    workers = [ended(*span) for span in sorted(spans)]
    tries = failed_tries(workers, None)
    assert all(worker.failed for worker in tries)
    for later, earlier in pairwise(tries):
        assert earlier.ended
        assert earlier.ended <= later.asked


def test_what_came_in_the_second_of_the_last_try_may_have_come_after_it() -> None:
    last = at(5.7)
    hopeless = Hopeless("no paint", last)
    assert not hopeless.tried(at(5))
    assert hopeless.tried(at(4))
