"""How many nodes the local Batch AI adds to a cluster or releases."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.batchai.properties import AutoScale, Deallocation, ManualScale, ScaleSettings
from services.batchai.resources import Node, NodeState
from services.batchai.scaling import Resize, resize

NOW = datetime(2018, 5, 1, tzinfo=UTC)
IDLE_SECONDS = 60.0
STATES: list[NodeState] = ["preparing", "idle", "running", "leaving", "unusable"]


def node(state: NodeState, seconds: float = 0) -> Node:
    return Node(name=state, state=state, since=NOW - timedelta(seconds=seconds))


def automatic(minimum: int, maximum: int, *nodes: Node, queued: int = 0) -> Resize:
    scale = AutoScale(minimum_node_count=minimum, maximum_node_count=maximum)
    return resize(ScaleSettings(auto_scale=scale), nodes, queued, NOW, IDLE_SECONDS)


def manual(target: int, *nodes: Node, option: Deallocation = "requeue") -> Resize:
    scale = ManualScale(target_node_count=target, node_deallocation_option=option)
    return resize(ScaleSettings(manual=scale), nodes, 0, NOW, IDLE_SECONDS)


@pytest.mark.parametrize(
    ("minimum", "maximum", "queued", "add"),
    [(0, 4, 0, 0), (0, 4, 3, 3), (0, 4, 9, 4), (2, 4, 0, 2), (2, 4, 1, 2), (0, 0, 5, 0)],
)
def test_an_empty_cluster_gets_a_node_for_each_job_within_its_limits(
    minimum: int, maximum: int, queued: int, add: int
) -> None:
    assert automatic(minimum, maximum, queued=queued) == Resize(add, [])


def test_nodes_being_allocated_count() -> None:
    assert automatic(0, 4, node("preparing"), node("preparing"), queued=2) == Resize(0, [])


def test_a_node_is_released_after_it_was_idle_long_enough() -> None:
    assert automatic(0, 4, node("idle", IDLE_SECONDS - 1)).release == []
    idle = node("idle", IDLE_SECONDS)
    assert automatic(0, 4, idle).release == [idle]
    assert automatic(1, 4, idle).release == []
    assert automatic(0, 4, idle, queued=1).release == []


def test_a_running_node_is_never_released() -> None:
    assert automatic(0, 1, node("running", 1e6)) == Resize(0, [])


def test_an_unusable_node_counts_until_it_is_released() -> None:
    assert automatic(0, 1, node("unusable"), queued=1) == Resize(0, [])
    unusable = node("unusable", IDLE_SECONDS)
    assert automatic(0, 1, unusable, queued=1) == Resize(0, [unusable])
    assert automatic(0, 1, queued=1) == Resize(1, [])
    assert manual(1, unusable) == Resize(0, [unusable])


def test_manual_scaling_releases_nodes_without_work_first() -> None:
    running, idle, preparing = node("running"), node("idle"), node("preparing")
    assert manual(2, running, idle, preparing).release == [preparing]
    assert manual(1, running, idle, preparing).release == [preparing, idle]
    assert manual(0, running).release == [running]
    assert manual(3, running) == Resize(2, [])


@given(
    states=st.lists(st.tuples(st.sampled_from(STATES), st.floats(0, 200)), max_size=8),
    bounds=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    queued=st.integers(0, 10),
)
def test_limits_hold_and_running_nodes_stay(
    states: list[tuple[NodeState, float]], bounds: tuple[int, int], queued: int
) -> None:
    minimum, maximum = min(bounds), max(bounds)
    nodes = [node(*each) for each in states]
    change = automatic(minimum, maximum, *nodes, queued=queued)
    assert change.add == 0 or len(nodes) + change.add <= maximum
    assert all(released.state in ("idle", "unusable") for released in change.release)
    usable = sum(each.state in ("preparing", "idle", "running") for each in nodes)
    left = usable - sum(released.state == "idle" for released in change.release)
    assert left >= min(usable, minimum)
