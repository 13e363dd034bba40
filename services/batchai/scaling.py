"""How many nodes a cluster should have, and which may go. Pure: it changes nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from services.batchai.records import AutoScale, ManualScale, Node, ScaleSettings


class Resize(NamedTuple):
    add: int
    let_go: list[Node]


def resize(
    scale: ScaleSettings, nodes: Sequence[Node], queued: int, now: datetime, idle_seconds: float
) -> Resize:
    def at_rest(node: Node) -> bool:
        return (now - node.since).total_seconds() >= idle_seconds

    # An unusable node is kept for a while, to be looked at, and takes the place of another.
    spent = [node for node in nodes if node.state == "unusable" and at_rest(node)]
    if scale.auto_scale:
        resting = [node for node in nodes if node.state == "idle" and at_rest(node)]
        wanted = automatic(scale.auto_scale, nodes, queued, resting)
    else:
        assert scale.manual
        wanted = manual(scale.manual, nodes)
    return Resize(wanted.add, spent + wanted.let_go)


def automatic(scale: AutoScale, nodes: Sequence[Node], queued: int, resting: list[Node]) -> Resize:
    """A node for each job that runs or waits, between the bounds; those without go after a rest."""
    busy = sum(node.state == "running" for node in nodes)
    usable = sum(node.state in ("preparing", "idle", "running") for node in nodes)
    needed = max(scale.minimum_node_count, min(scale.maximum_node_count, busy + queued))
    room = scale.maximum_node_count - len(nodes)
    spare = max(0, usable - max(needed, scale.minimum_node_count))
    return Resize(max(0, min(needed - usable, room)), resting[:spare])


def manual(scale: ManualScale, nodes: Sequence[Node]) -> Resize:
    """So many, whatever there is to do; those without work go first."""
    staying = [node for node in nodes if node.state != "leaving"]
    spare = len(staying) - scale.target_node_count
    order = ("unusable", "preparing", "idle", "running")
    by_use = sorted(staying, key=lambda node: order.index(node.state))
    return Resize(max(0, -spare), [node for node in by_use if node.state != "unusable"][:spare])
