"""A cluster in simulated time, whose nodes take time to allocate, differ in speed, and fail.

A node's properties are drawn from its number, so that every policy has the same nodes. A node that
replaces a failed one has the same speed.
"""

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol


@dataclass(frozen=True)
class Conditions:
    """Times are in seconds. Allocation takes as long as Batch AI took."""

    frames: int
    nodes: int
    frame_seconds: float = 0.1
    allocation: tuple[float, float] = (180, 300)
    start_up: tuple[float, float] = (20, 40)
    speed_spread: float = 0.1
    slow_nodes: float = 0.05
    slow_speed: float = 1 / 3
    hours_between_failures: float = 100
    node_idle_seconds: float = 360
    seed: int = 1


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._order), act))

    def run(self) -> None:
        """Run until there are no more events."""
        while self._events:
            self.now, _, act = heapq.heappop(self._events)
            act()


class Job(Protocol):
    def begin(self, node: "Node") -> None:
        """Start on a node; call `Cluster.done` at the end."""

    def lost(self, node: "Node") -> None:
        """The node has failed; the job will begin again on another one."""


@dataclass(eq=False)
class Node:
    number: int
    conditions: Conditions
    life: int = 0
    came: float = 0.0
    job: Job | None = None
    idle_since: float = 0.0
    gone: bool = False
    _chance: random.Random = field(init=False)
    allocation: float = field(init=False)
    next_start_up: float = field(init=False)
    speed: float = field(init=False)
    lives: float = field(init=False)

    def __post_init__(self) -> None:
        given = self.conditions
        machine = random.Random(f"{given.seed}/{self.number}")
        slow = given.slow_speed if machine.random() < given.slow_nodes else 1.0
        self.speed = slow * machine.lognormvariate(0, given.speed_spread)
        self._chance = chance = random.Random(f"{given.seed}/{self.number}/{self.life}")
        self.allocation = chance.uniform(*given.allocation)
        self.next_start_up = chance.uniform(*given.start_up)
        self.lives = chance.expovariate(1 / (3600 * given.hours_between_failures))

    def start_up(self) -> float:
        """The start-up time of the next job on this node."""
        now, self.next_start_up = (
            self.next_start_up,
            self._chance.uniform(*self.conditions.start_up),
        )
        return now

    def seconds(self, frames: int) -> float:
        return frames * self.conditions.frame_seconds / self.speed


class Cluster:
    """Allocates a node for each job, up to the maximum, and removes nodes that were idle long."""

    def __init__(self, clock: Clock, conditions: Conditions) -> None:
        self._clock = clock
        self._conditions = conditions
        self._waiting: deque[Job] = deque()
        self._idle: list[Node] = []
        self._numbers = itertools.count()
        self._free: list[Node] = []
        self._usable = self._coming = 0
        self.failures = 0
        self.billed_seconds = 0.0

    def submit(self, job: Job) -> None:
        self._waiting.append(job)
        self._give_work()

    def done(self, node: Node) -> None:
        node.job = None
        node.idle_since = self._clock.now
        self._idle.append(node)

        remove = partial(self._remove_if_idle, node, self._clock.now)
        self._clock.after(self._conditions.node_idle_seconds, remove)
        self._give_work()

    def _give_work(self) -> None:
        while self._waiting and self._idle:
            node = self._idle.pop()
            node.job = self._waiting.popleft()
            node.job.begin(node)
        wanted = min(len(self._waiting), self._conditions.nodes - self._usable + self._coming)
        for _ in range(wanted - self._coming):
            self._allocate()

    def _allocate(self) -> None:
        if self._free:
            last = self._free.pop()
            node = Node(last.number, self._conditions, last.life + 1)
        else:
            node = Node(next(self._numbers), self._conditions)
        self._usable += 1
        self._coming += 1
        self._clock.after(node.allocation, lambda: self._come(node))

    def _come(self, node: Node) -> None:
        node.came = self._clock.now
        self._coming -= 1
        self._clock.after(node.lives, lambda: self._fail(node))
        self.done(node)

    def _fail(self, node: Node) -> None:
        if node.gone:
            return
        self._remove(node)
        if node.job:
            self.failures += 1
            job, node.job = node.job, None
            job.lost(node)
            self._waiting.appendleft(job)
        else:
            self._idle.remove(node)
        self._give_work()

    def _remove_if_idle(self, node: Node, idle_since: float) -> None:
        if node.job is None and not node.gone and node.idle_since == idle_since:
            self._idle.remove(node)
            self._remove(node)

    def _remove(self, node: Node) -> None:
        node.gone = True
        self._free.append(node)
        self._usable -= 1
        self.billed_seconds += self._clock.now - node.came


def ideal_seconds(conditions: Conditions) -> float:
    """The shortest time that any policy could need on these nodes if none failed.

    Each node works from the moment it has started up, and frames are divisible, so that all nodes
    end at the same time.
    """
    nodes = [Node(number, conditions) for number in range(conditions.nodes)]
    work = conditions.frames * conditions.frame_seconds
    speed = done_if_at_zero = 0.0
    end = float("inf")
    for ready, its in sorted((n.allocation + n.next_start_up, n.speed) for n in nodes):
        if ready >= end:
            break
        speed += its
        done_if_at_zero += its * ready
        end = (work + done_if_at_zero) / speed
    return end
