"""How segments are cut into chunks, and how many workers are started for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.sizing import (
    CHUNKS_PER_NODE,
    LARGEST_CHUNK,
    SMALLEST_CHUNK,
    cut_into_chunks,
    has_room,
    workers_for,
    workers_to_start,
)

SHARDS, NODES = st.integers(1, 500), st.integers(1, 1000)
AT_ONCE = st.integers(1, 100)


@given(SHARDS, st.integers(0, 100_000), NODES, AT_ONCE)
def test_chunks_cover_every_shard_once(shards: int, after: int, nodes: int, at_once: int) -> None:
    found = list(cut_into_chunks(shards, after, nodes, at_once))
    covered = [
        n for chunk in found for n in range(chunk.first_shard, chunk.first_shard + chunk.shards)
    ]
    assert covered == list(range(shards))


def test_a_single_node_gets_whole_segments() -> None:
    assert [
        chunk.shards for chunk in cut_into_chunks(2 * LARGEST_CHUNK - 1, 0, nodes=1, at_once=1)
    ] == [12, 11]


@given(SHARDS, st.integers(0, 100_000), st.integers(2, 1000), AT_ONCE)
def test_no_chunk_is_larger_than_a_nodes_share_of_the_rest(
    shards: int, after: int, nodes: int, at_once: int
) -> None:
    for chunk in cut_into_chunks(shards, after, nodes, at_once):
        left = shards - chunk.first_shard + after
        assert 1 <= chunk.shards <= LARGEST_CHUNK
        assert chunk.shards == 1 or chunk.shards * nodes * CHUNKS_PER_NODE <= left


@given(SHARDS, NODES)
def test_chunks_get_smaller_towards_the_end(shards: int, nodes: int) -> None:
    sizes = [chunk.shards for chunk in cut_into_chunks(shards, 0, nodes, 1)]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(
    ("nodes", "shards"), [(1, [10]), (4, [10]), (8, [5, 5]), (20, [2] * 5), (100, [2] * 5)]
)
def test_the_chunks_of_an_hour_of_video_depend_on_the_nodes(nodes: int, shards: list[int]) -> None:
    """360 segments of ten seconds, of which four are in flight at a time."""
    assert [chunk.shards for chunk in cut_into_chunks(10, 3590, nodes, at_once=4)] == shards


@given(SHARDS, NODES, AT_ONCE)
def test_the_segments_in_flight_give_all_nodes_work(shards: int, nodes: int, at_once: int) -> None:
    chunks = len(list(cut_into_chunks(shards, 100_000, nodes, at_once))) * at_once
    assert chunks >= min(nodes, shards // SMALLEST_CHUNK * at_once)


@given(st.integers(1, 12), NODES)
def test_with_enough_segments_in_flight_chunks_are_as_large_as_possible(
    shards: int, nodes: int
) -> None:
    assert [chunk.shards for chunk in cut_into_chunks(shards, 100_000, nodes, at_once=nodes)] == [
        shards
    ]


def test_a_segment_without_shards_is_one_empty_chunk() -> None:
    assert list(cut_into_chunks(0, 5, 2, 4)) == [(0, 0)]


def test_chunks_wait_only_when_all_nodes_have_work() -> None:
    assert has_room(chunks=7, nodes=4)
    assert not has_room(chunks=8, nodes=4)


@given(st.integers(0, 1000), st.integers(1, 100), st.integers(0, 100))
def test_workers_are_started_up_to_the_number_of_nodes(wanted: int, nodes: int, alive: int) -> None:
    started = workers_to_start(wanted, nodes, alive)
    assert started >= 0
    assert alive + started <= max(nodes, alive)
    if alive < min(nodes, wanted):
        assert alive + started == min(nodes, wanted)


@given(st.integers(1, 100))
def test_the_chunks_that_may_wait_are_enough_for_all_nodes(nodes: int) -> None:
    least = next(chunks for chunks in range(1000) if not has_room(chunks, nodes))
    assert workers_to_start(workers_for(least), nodes, alive=0) == nodes


@pytest.mark.parametrize(("chunks", "workers"), [(0, 0), (1, 1), (2, 1), (3, 2), (40, 20)])
def test_a_worker_for_each_two_chunks(chunks: int, workers: int) -> None:
    assert workers_for(chunks) == workers
