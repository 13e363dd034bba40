"""How a cluster of the local Batch AI decides on its size."""

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


def by_hand(target: int, *nodes: Node, option: Deallocation = "requeue") -> Resize:
    scale = ManualScale(target_node_count=target, node_deallocation_option=option)
    return resize(ScaleSettings(manual=scale), nodes, 0, NOW, IDLE_SECONDS)


@pytest.mark.parametrize(
    ("minimum", "maximum", "queued", "add"),
    [(0, 4, 0, 0), (0, 4, 3, 3), (0, 4, 9, 4), (2, 4, 0, 2), (2, 4, 1, 2), (0, 0, 5, 0)],
)
def test_from_nothing(minimum: int, maximum: int, queued: int, add: int) -> None:
    assert automatic(minimum, maximum, queued=queued) == Resize(add, [])


def test_nodes_on_their_way_count() -> None:
    assert automatic(0, 4, node("preparing"), node("preparing"), queued=2) == Resize(0, [])


def test_an_idle_node_stays_for_a_while_and_then_goes() -> None:
    assert automatic(0, 4, node("idle", IDLE_SECONDS - 1)).release == []
    rested = node("idle", IDLE_SECONDS)
    assert automatic(0, 4, rested).release == [rested]
    assert automatic(1, 4, rested).release == []
    assert automatic(0, 4, rested, queued=1).release == []


def test_one_that_works_never_goes() -> None:
    assert automatic(0, 1, node("running", 1e6)) == Resize(0, [])


def test_an_unusable_node_takes_up_room_until_it_goes() -> None:
    assert automatic(0, 1, node("unusable"), queued=1) == Resize(0, [])
    spent = node("unusable", IDLE_SECONDS)
    assert automatic(0, 1, spent, queued=1) == Resize(0, [spent])
    assert automatic(0, 1, queued=1) == Resize(1, [])
    assert by_hand(1, spent) == Resize(0, [spent])


def test_by_hand_those_without_work_go_first() -> None:
    running, idle, coming = node("running"), node("idle"), node("preparing")
    assert by_hand(2, running, idle, coming).release == [coming]
    assert by_hand(1, running, idle, coming).release == [coming, idle]
    assert by_hand(0, running).release == [running]
    assert by_hand(3, running) == Resize(2, [])


@given(
    states=st.lists(st.tuples(st.sampled_from(STATES), st.floats(0, 200)), max_size=8),
    bounds=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    queued=st.integers(0, 10),
)
def test_it_keeps_its_bounds_and_its_working_nodes(
    states: list[tuple[NodeState, float]], bounds: tuple[int, int], queued: int
) -> None:
    minimum, maximum = min(bounds), max(bounds)
    nodes = [node(*each) for each in states]
    wish = automatic(minimum, maximum, *nodes, queued=queued)
    assert wish.add == 0 or len(nodes) + wish.add <= maximum
    assert all(gone.state in ("idle", "unusable") for gone in wish.release)
    usable = sum(each.state in ("preparing", "idle", "running") for each in nodes)
    left = usable - sum(gone.state == "idle" for gone in wish.release)
    assert left >= min(usable, minimum)
