"""Back-off and give-up rules for failing workers."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.start_policy import (
    LONG_AGO,
    ClusterUnusable,
    Problem,
    failures_in_a_row,
    may_start,
    next_start,
    no_answer,
    no_node_came,
    still,
    too_many_failures,
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


def delay(*workers: WorkerState) -> float | None:
    until = next_start(failures_in_a_row(workers, None))
    last = workers[-1].ended
    assert last
    return None if until == LONG_AGO else (until - last).total_seconds()


def test_the_delay_doubles_with_each_failure() -> None:
    assert delay(ended(1), ended(3)) is None
    assert delay(ended(1), ended(3), ended(5)) == 2
    assert delay(ended(1), ended(3), ended(5), ended(7)) == 4
    assert delay(*(ended(2 * n) for n in range(20))) == 60
    assert delay(ended(1), ended(3, failed=False), ended(5), ended(7)) is None


def test_failures_side_by_side_count_once() -> None:
    assert len(failures_in_a_row([ended(0), ended(0), ended(0.5)], None)) == 1
    assert len(failures_in_a_row([ended(0), ended(0), ended(2), ended(2.5), ended(4)], None)) == 3


def test_failures_before_a_worker_got_to_work_do_not_count() -> None:
    failures = [ended(10 * n) for n in range(6)]
    assert len(failures_in_a_row(failures, at(-5))) == 6
    assert len(failures_in_a_row(failures, at(25))) == 3
    assert failures_in_a_row(failures, at(55)) == []


def test_after_a_failure_one_worker_starts_at_a_time() -> None:
    assert may_start(4, [], [], at(9)) == 4
    failures = [ended(0)]
    assert may_start(4, failures, failures, at(9)) == 1
    assert may_start(0, failures, failures, at(9)) == 0
    assert may_start(3, [*failures, queued(2)], failures, at(9)) == 0
    assert may_start(3, [*failures, running(2)], failures, at(9)) == 0
    assert may_start(3, [*failures, running(2)], [], at(9)) == 3
    assert may_start(3, [running(-100), *failures], failures, at(9)) == 1


def test_no_worker_starts_during_the_delay() -> None:
    workers = [ended(0), ended(2), ended(4)]
    failures = failures_in_a_row(workers, None)
    assert may_start(1, workers, failures, at(6.9)) == 0
    assert may_start(1, workers, failures, at(7)) == 1


def test_a_cluster_is_unusable_after_so_many_failures() -> None:
    workers = [ended(2 * n) for n in range(6)]
    failures = failures_in_a_row(workers, None)
    assert too_many_failures(workers, failures, 7) is None
    assert too_many_failures([*workers, running(20)], failures, 6) is None
    unusable = too_many_failures(workers, failures, 6)
    assert unusable
    assert unusable.last_try == at(10)
    assert unusable.why == "6 workers in a row failed; the last: exit code 3"


def test_a_worker_that_succeeds_ends_the_row_of_failures() -> None:
    failures = [ended(2 * n) for n in range(6)]
    assert failures_in_a_row([*failures, ended(20, failed=False)], None) == []


def test_a_cluster_is_unusable_if_no_node_comes_and_it_says_why() -> None:
    waiting = [queued(0), queued(50)]
    problem = Problem("no quota", at(20))
    assert no_node_came(waiting, problem, at(99), 100) is None
    assert no_node_came(waiting, None, at(200), 100) is None
    assert no_node_came([], problem, at(200), 100) is None
    assert no_node_came([*waiting, running(1)], problem, at(200), 100) is None
    unusable = no_node_came(waiting, problem, at(140), 100)
    assert unusable
    assert unusable.last_try == at(40)
    assert unusable.why == "no node came for 100 s: no quota"


def test_a_problem_that_has_only_begun_is_not_final() -> None:
    assert no_node_came([queued(0)], Problem("no quota", at(139)), at(140), 100) is None
    assert no_answer(Problem("too many requests", at(139)), None, at(140), 100) is None


def test_a_problem_lasts_until_a_look_finds_none() -> None:
    first = still(None, "no quota", at(1))
    assert first == Problem("no quota", at(1))
    assert still(first, "no route", at(5)) == Problem("no route", at(1))
    assert still(first, None, at(5)) is None


def test_a_cluster_that_does_not_answer_is_unusable_if_no_worker_is_active() -> None:
    problem = Problem("Batch AI doesn't answer", at(0))
    assert no_answer(problem, None, at(99), 100) is None
    assert no_answer(problem, at(60), at(140), 100) is None
    unusable = no_answer(problem, at(-60), at(140), 100)
    assert unusable == ClusterUnusable("Batch AI doesn't answer", at(40))


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0.1, 30), st.booleans()), max_size=30))
def test_failures_in_a_row_do_not_overlap(spans: list[tuple[float, float, bool]]) -> None:
    workers = [ended(*span) for span in sorted(spans)]
    failures = failures_in_a_row(workers, None)
    assert all(worker.failed for worker in failures)
    for later, earlier in pairwise(failures):
        assert earlier.ended
        assert earlier.ended <= later.asked


def test_a_message_sent_in_the_second_of_the_last_try_counts_as_later() -> None:
    last = at(5.7)
    unusable = ClusterUnusable("no paint", last)
    assert not unusable.tried_since(at(5))
    assert unusable.tried_since(at(4))
