"""Periodic actions, each with an interval of its own."""

import random
import time
from collections.abc import Callable
from typing import NamedTuple


class Act(NamedTuple):
    do: Callable[[], None]
    every: float
    #: The part of the whole time in which it is done; 1 is all of it.
    until: float = 1.0


def play(acts: list[Act], seconds: float) -> None:
    began = time.monotonic()
    due = {number: began + pause(act) for number, act in enumerate(acts)}
    while (now := time.monotonic()) < began + seconds:
        for number, act in enumerate(acts):
            if now >= due[number] and now < began + act.until * seconds:
                act.do()
                due[number] = time.monotonic() + pause(act)
        time.sleep(0.05)


def pause(act: Act) -> float:
    return act.every * random.uniform(0.6, 1.4)
