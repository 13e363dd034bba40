"""Compares pulled chunks with two other policies, on 1 to 1,000 simulated nodes: `make scale`.

The dispatcher's real sizing and scaling run on a simulated cluster. The other policies are the
reference's 50 images a job, and frames ÷ nodes in one job a node. All three have the same nodes.
The ideal is the shortest time that any policy could need if no node failed: each node works from
the moment it has started up, and all end at the same time.
"""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmarks.chart import Dot, Panel, svg
from benchmarks.report import Plot, Report, Table, show
from benchmarks.scale.policies import Outcome, fifty_a_job, one_job_a_node
from benchmarks.scale.pulled_chunks import pulled_chunks
from benchmarks.scale.simulation import Conditions, ideal_seconds
from shared import logs
from workloads.video.splitting.decoder import SHARD_FRAMES

NODES = (1, 3, 10, 30, 100, 300, 1000)
FRAMES = (10**3, 10**4, 10**5, 10**6, 10**7)
POLICIES: Mapping[str, Callable[[Conditions], Outcome]] = {
    "chunks that are pulled (ours)": pulled_chunks,
    "50 images a job": fifty_a_job,
    "one job a node": one_job_a_node,
}
#: From so many frames a node on, the time must be at most 1.1 times the ideal.
FRAMES_A_NODE = 200


WORSE = {"over_ideal": "Time ÷ ideal", "billed_over_needed": "Node-hours billed ÷ needed"}


class Result(NamedTuple):
    """One policy under one set of conditions, as ratios."""

    conditions: Conditions
    outcome: Outcome

    @property
    def frames_a_node(self) -> float:
        return self.conditions.frames / self.conditions.nodes

    @property
    def over_ideal(self) -> float:
        return self.outcome.seconds / ideal_seconds(self.conditions)

    @property
    def billed_over_needed(self) -> float:
        needed = self.conditions.frames * self.conditions.frame_seconds / 3600
        return self.outcome.node_hours / needed


Results = Mapping[str, Sequence[Result]]


def results() -> Results:
    grid = [Conditions(frames, nodes) for frames in FRAMES for nodes in NODES]
    return {
        name: [Result(conditions, policy(conditions)) for conditions in grid]
        for name, policy in POLICIES.items()
    }


def table(found: Results) -> Table:
    columns = (
        "policy",
        f"time ÷ ideal from {FRAMES_A_NODE} frames a node: median, worst",
        "most frames redone for one failure",
        "node-hours billed ÷ needed: median, worst",
    )
    rows = []
    for name, its in found.items():
        large = [result for result in its if result.frames_a_node >= FRAMES_A_NODE]
        redone = max(result.outcome.most_redone_at_once for result in its)
        times = [result.over_ideal for result in large]
        billed = [result.billed_over_needed for result in large]
        rows.append(
            (
                name,
                f"{statistics.median(times):.3f}, {max(times):.3f}",
                f"{redone:,.0f}",
                f"{statistics.median(billed):.2f}, {max(billed):.2f}",
            )
        )
    return Table(columns, rows)


def behind(found: Results) -> Iterator[str]:
    """How much worse ours is than the best other policy, at most."""
    ours, *others = found.values()
    for what, words in WORSE.items():
        pairs = [
            (getattr(mine, what) / min(getattr(other, what) for other in theirs), mine.conditions)
            for mine, *theirs in zip(ours, *others, strict=True)
        ]
        worst, where = max(pairs, key=lambda pair: pair[0])
        yield (
            f"{words}: ours is worse than the best other policy in"
            f" {sum(ratio > 1 for ratio, _ in pairs)} of {len(pairs)} cases,"
            f" at most {worst:.3f} times, with {where.frames:,} frames on {where.nodes:,} nodes."
        )


def plot(found: Results) -> str:
    def panel(title: str, y: Callable[[Result], float], line_at: float | None = None) -> Panel:
        dots = {
            name: [Dot(each.frames_a_node, y(each)) for each in its if y(each) > 0]
            for name, its in found.items()
        }
        return Panel(title, dots, line_at)

    return svg(
        [
            panel("time ÷ ideal", lambda each: each.over_ideal, 1.1),
            panel("most frames redone for one failure", most_redone, SHARD_FRAMES),
            panel("node-hours billed ÷ needed", lambda each: each.billed_over_needed),
        ],
        "frames per node",
    )


def most_redone(result: Result) -> float:
    return result.outcome.most_redone_at_once


def report() -> Report:
    found = results()
    what = "Time over ideal, frames redone and node-hours billed, over frames per node"
    words = "The dispatcher's real sizing and scaling on a simulated cluster; nothing is painted."
    return Report(parts=[words, table(found), *behind(found), Plot("scale.svg", what, plot(found))])


if __name__ == "__main__":
    logs.configure("scale", "error")
    show(report())
