"""Threads for several pictures at once on a CPU, which have its cores shared out among them.

Cores that share a picture wait for each other in every layer, and for whatever runs on one of them.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier

import torch

from services.scorer.memory import memory_for_passes
from services.scorer.scorer import Threads

#: Each needs the memory of a whole pass; beyond, or where there isn't so much, the cores share
#: pictures after all.
MOST_THREADS = 8


def cpu_threads(times: int) -> Threads:
    """For passes that take so many times the bytes of the picture that is given."""
    cores = torch.get_num_threads()
    memory = memory_for_passes(cores)

    def fitting(size: int) -> Threads:
        count = max(1, min(cores, MOST_THREADS, memory // max(1, size * times)))
        return Threads(pool(count, cores), count, fitting)

    return fitting(0)


@cache
def pool(count: int, cores: int) -> ThreadPoolExecutor:
    """Each thread has its share of the cores for what it asks of torch."""
    threads = ThreadPoolExecutor(count, "scorer", take, (cores // count,))
    list(threads.map(lambda there: there.wait(), [Barrier(count)] * count))
    torch.set_num_threads(cores)  # what the last of them said goes for all threads to come
    return threads


def take(cores: int) -> None:
    torch.set_num_threads(cores)
    torch.get_num_threads()  # only what a thread has asked for once stays as it is
