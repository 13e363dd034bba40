"""The scorer's pipeline: order, concurrency, errors, and no thread left over."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.scorer.pipeline import Pipeline
from services.scorer.stopwatch import Stopwatch
from shared.errors import Malformed, Reject
from shared.models import Model
from shared.scorer import Threads
from shared.shards import Item, pack
from workloads.video.scoring.picture_scorer import Original

ORIGINAL = Model("original", "original")
SHARDS = {n: [Item(f"{n:02}-{m:02}.jpg", f"{n}/{m}".encode()) for m in range(5)] for n in range(4)}


def fetch(shard: int) -> bytes:
    return pack(SHARDS[shard])


class AddsExclamationMark(Original):
    """Calls `before` before it scores a batch."""

    def __init__(self, batch: int, before: Callable[[], None] = lambda: None) -> None:
        self.batch, self._before = batch, before

    def score(self, values: Sequence[bytes]) -> Sequence[bytes]:
        assert 1 <= len(values) <= self.batch
        self._before()
        return [value + b"!" for value in values]


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_items_are_returned_in_order(batch: int) -> None:
    shards = list(Pipeline(AddsExclamationMark(batch), fetch, Stopwatch()).run(range(4)))
    assert [shard.number for shard in shards] == [0, 1, 2, 3]
    assert [shard.item_count for shard in shards] == [5] * 4
    found = {shard.number: shard.items for shard in shards}
    wanted = {n: [item._replace(data=item.data + b"!") for item in SHARDS[n]] for n in SHARDS}
    assert found == wanted


def test_the_next_shard_is_fetched_while_this_one_is_scored() -> None:
    second_fetched = threading.Event()

    def fetching(shard: int) -> bytes:
        if shard == 1:
            second_fetched.set()
        return fetch(shard)

    def wait() -> None:
        assert second_fetched.wait(10), "nothing was fetched while the scorer was busy"

    assert (
        len(list(Pipeline(AddsExclamationMark(1, wait), fetching, Stopwatch()).run(range(2)))) == 2
    )


def test_batches_are_scored_concurrently_and_returned_in_order() -> None:
    five_at_once = threading.Barrier(5)

    def meet() -> None:
        five_at_once.wait(10)

    with ThreadPoolExecutor(5) as pool:
        scorer = AddsExclamationMark(1, meet)
        scorer.threads = Threads(pool, 5)
        found = list(Pipeline(scorer, fetch, Stopwatch()).run(range(4)))
    assert [shard.number for shard in found] == [0, 1, 2, 3]
    made = [item for shard in found for item in shard.items]
    assert [item.data for item in made] == [item.data + b"!" for n in SHARDS for item in SHARDS[n]]


def test_a_scorer_that_loses_items_is_rejected() -> None:
    class Forgetful(Original):
        def score(self, values: Sequence[bytes]) -> Sequence[bytes]:
            return values[1:]

    with pytest.raises(Reject, match="returned 4 items for 5"):
        list(
            Pipeline(Forgetful(Model("forgetful", "")), lambda shard: fetch(0), Stopwatch()).run(
                [0]
            )
        )


def test_an_error_in_another_thread_is_raised_and_ends_all_threads() -> None:
    def broken(shard: int) -> bytes:
        if shard == 2:
            raise ValueError("the third is broken")
        return fetch(shard)

    scored = Pipeline(AddsExclamationMark(2), broken, Stopwatch()).run(range(4))
    with pytest.raises(ValueError, match="the third is broken"):
        list(scored)
    assert no_threads()


def test_an_empty_shard_is_malformed() -> None:
    with pytest.raises(Malformed, match="shard 0 is empty"):
        list(
            Pipeline(Original(Model("original", "")), lambda shard: pack([]), Stopwatch()).run([0])
        )


def test_closing_early_ends_all_threads() -> None:
    scored = Pipeline(AddsExclamationMark(1), fetch, Stopwatch()).run(range(4))
    assert next(scored)[0] == 0
    scored.close()
    assert no_threads()


def test_the_times_of_stages_add_up_to_the_total() -> None:
    watch = Stopwatch()
    list(Pipeline(AddsExclamationMark(1), fetch, watch).run(range(4)))
    times = watch.times(20)
    assert sum(times.seconds_by_stage.values()) == pytest.approx(times.seconds, abs=2e-4)
    assert set(times.seconds_by_stage) == {"model", "waiting"}
    assert set(times.seconds_beside) == {"download", "decode", "encode"}
    assert times.seconds_per_item == pytest.approx(times.seconds / 20, abs=2e-5)


def no_threads() -> bool:
    return not [thread for thread in threading.enumerate() if thread.name == "prefetch"]
