"""The base class of simulated policies, and the two policies to compare with."""

import math
from typing import NamedTuple

from benchmarks.scale.simulation import Clock, Cluster, Conditions, Node


class Outcome(NamedTuple):
    seconds: float
    frames_redone: float
    most_redone_at_once: float
    failures: int
    node_hours: float


class PolicyRun:
    """A simulated run of a policy: a clock, a cluster, and the frames left to paint."""

    def __init__(self, conditions: Conditions) -> None:
        self.conditions = conditions
        self.clock = Clock()
        self.cluster = Cluster(self.clock, conditions)
        self.frames_left = conditions.frames
        self.redone = self.most_redone = 0.0
        self._ended = 0.0

    def painted(self, frames: int) -> None:
        self.frames_left -= frames
        if self.frames_left == 0:
            self._ended = self.clock.now

    def lost(self, frames: float) -> None:
        self.redone += frames
        self.most_redone = max(self.most_redone, frames)

    def outcome(self) -> Outcome:
        self.clock.run()
        assert self.frames_left == 0
        return Outcome(
            self._ended,
            self.redone,
            self.most_redone,
            self.cluster.failures,
            self.cluster.billed_seconds / 3600,
        )


class FixedJob:
    """A job with a fixed number of frames; if its node fails, it starts again from the first."""

    def __init__(self, run: PolicyRun, frames: int) -> None:
        self._run = run
        self._frames = frames
        self._began = self._seconds = 0.0

    def begin(self, node: Node) -> None:
        clock = self._run.clock
        start_up = node.start_up()
        self._began = clock.now + start_up
        self._seconds = node.seconds(self._frames)
        clock.after(start_up + self._seconds, lambda: self._end(node))

    def lost(self, node: Node) -> None:
        done = max(0.0, self._run.clock.now - self._began) / self._seconds
        self._run.lost(done * self._frames)

    def _end(self, node: Node) -> None:
        if not node.gone:
            self._run.painted(self._frames)
            self._run.cluster.done(node)


def jobs_of(most: int, conditions: Conditions) -> Outcome:
    run = PolicyRun(conditions)
    for first in range(0, conditions.frames, most):
        run.cluster.submit(FixedJob(run, min(most, conditions.frames - first)))
    return run.outcome()


def fifty_a_job(conditions: Conditions) -> Outcome:
    """The reference's policy: a job for every 50 images."""
    return jobs_of(50, conditions)


def one_job_a_node(conditions: Conditions) -> Outcome:
    """One job for each node, with frames ÷ nodes in it."""
    return jobs_of(math.ceil(conditions.frames / conditions.nodes), conditions)
