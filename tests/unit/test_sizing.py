from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.sizing import runs, shards_per_chunk, workers_to_start

COUNT = st.integers(1, 100_000)


@given(COUNT, st.integers(1, 1000))
def test_a_chunk_is_at_least_a_shard_and_at_most_a_nodes_quarter(items: int, nodes: int) -> None:
    per_chunk = shards_per_chunk(items, nodes, 16)
    assert per_chunk >= 1
    assert (per_chunk - 1) * 16 * nodes * 4 < items


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_runs_cover_every_shard_once_and_evenly(shards: int, per_chunk: int) -> None:
    found = list(runs(shards, per_chunk))
    covered = [n for run in found for n in range(run.first_shard, run.first_shard + run.shards)]
    assert covered == list(range(shards))
    sizes = [run.shards for run in found]
    assert max(sizes) <= per_chunk
    assert max(sizes) - min(sizes) <= 1


@given(st.integers(0, 1000), st.integers(1, 100), st.integers(0, 100))
def test_workers_follow_the_work_up_to_the_nodes(outstanding: int, nodes: int, alive: int) -> None:
    started = workers_to_start(outstanding, nodes, alive)
    assert started >= 0
    assert alive + started <= max(nodes, alive)
    if alive < min(nodes, outstanding):
        assert alive + started == min(nodes, outstanding)


def test_no_work_needs_no_worker() -> None:
    assert workers_to_start(outstanding=0, nodes=8, alive=0) == 0
