"""What a job waits for, in words."""

from services.web.board import State
from services.web.jobs_reader import Seen, under_way
from shared.clusters.state import ClusterView
from shared.control.status import Status


def waits_for(seen: Seen, state: State) -> str:
    """Empty for a job that has ended."""
    status = seen.status
    if status.ended:
        return ""
    if status.state == "waiting":
        return waiting(seen, state)
    return doing(status) or no_worker_yet(state)


def doing(status: Status) -> str:
    """Empty if its items wait for a worker."""
    if status.steps:
        return "is being learnt"
    if status.items and status.scored >= status.items:
        return "is being stitched"
    if status.scored:
        return "is being scored"
    return "" if status.split else "is being split"


def waiting(seen: Seen, state: State) -> str:
    before = sum(
        other.status.state == "waiting" and other.arrived < seen.arrived
        for other in under_way(state.jobs)
    )
    if not before:
        return "waits to be opened"
    return f"waits to be opened, after {before:,} other job{'' if before == 1 else 's'}"


def no_worker_yet(state: State) -> str:
    view = state.sample.cluster.view if state.sample else None
    if not isinstance(view, ClusterView):
        return "waits for a worker"
    cluster = view.cluster
    if not cluster.nodes and not cluster.preparing:
        return "waits for a node"
    if cluster.preparing and not cluster.running:
        return "waits for a node that is starting"
    return "waits for a worker"
