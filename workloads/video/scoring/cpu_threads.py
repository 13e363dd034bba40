"""A thread pool that works on several pictures at once on a CPU, and divides the cores among them.

Cores that share one picture wait for each other in every layer.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier

import torch

from shared.scorer import Threads
from workloads.video.scoring.memory import memory_for_passes

#: Each thread needs the memory of a whole pass. With fewer threads than cores, the threads have
#: several cores each.
MOST_THREADS = 8


def cpu_threads(times: int) -> Threads:
    """The threads for passes that need `times` as many bytes as their picture has."""
    cores = torch.get_num_threads()
    memory = memory_for_passes(cores)

    def fitting(size: int) -> Threads:
        count = max(1, min(cores, MOST_THREADS, memory // max(1, size * times)))
        return Threads(pool(count, cores), count, fitting)

    return fitting(0)


@cache
def pool(count: int, cores: int) -> ThreadPoolExecutor:
    """Threads that each use an equal share of the cores."""
    threads = ThreadPoolExecutor(count, "scorer", use_cores, (cores // count,))
    list(threads.map(lambda barrier: barrier.wait(), [Barrier(count)] * count))  # start them all
    torch.set_num_threads(cores)  # the value for all other threads, which the pool has changed
    return threads


def use_cores(cores: int) -> None:
    torch.set_num_threads(cores)
    torch.get_num_threads()  # fixes the value for this thread
