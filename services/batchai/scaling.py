"""Decides how many nodes to add to a cluster and which to release. Changes nothing itself."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from services.batchai.properties import AutoScale, ManualScale, ScaleSettings
from services.batchai.resources import Node


class Resize(NamedTuple):
    add: int
    release: list[Node]


def resize(
    scale: ScaleSettings, nodes: Sequence[Node], queued: int, now: datetime, idle_seconds: float
) -> Resize:
    def long_enough(node: Node) -> bool:
        return (now - node.since).total_seconds() >= idle_seconds

    # An unusable node is kept for a while so that people can see it, and counts as a node.
    unusable = [node for node in nodes if node.state == "unusable" and long_enough(node)]
    if scale.auto_scale:
        idle = [node for node in nodes if node.state == "idle" and long_enough(node)]
        wanted = automatic(scale.auto_scale, nodes, queued, idle)
    else:
        assert scale.manual
        wanted = manual(scale.manual, nodes)
    return Resize(wanted.add, unusable + wanted.release)


def automatic(scale: AutoScale, nodes: Sequence[Node], queued: int, idle: list[Node]) -> Resize:
    """A node for each running or queued job, within the limits; idle ones are released."""
    busy = sum(node.state == "running" for node in nodes)
    usable = sum(node.state in ("preparing", "idle", "running") for node in nodes)
    needed = max(scale.minimum_node_count, min(scale.maximum_node_count, busy + queued))
    room = scale.maximum_node_count - len(nodes)
    spare = max(0, usable - max(needed, scale.minimum_node_count))
    return Resize(max(0, min(needed - usable, room)), idle[:spare])


def manual(scale: ManualScale, nodes: Sequence[Node]) -> Resize:
    """The target count, whatever the load; nodes without work are released first."""
    staying = [node for node in nodes if node.state != "leaving"]
    spare = len(staying) - scale.target_node_count
    order = ("unusable", "preparing", "idle", "running")
    by_use = sorted(staying, key=lambda node: order.index(node.state))
    return Resize(max(0, -spare), [node for node in by_use if node.state != "unusable"][:spare])
