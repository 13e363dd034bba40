"""Threads for several pictures at once on a CPU, which have its cores shared out among them.

Cores that share a picture wait for each other in every layer, and for whatever runs on one of them.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier

import torch

from services.scorer.scorer import Threads

#: Each needs the memory of a whole pass; beyond, the cores share pictures after all.
MOST_AT_ONCE = 8


def side_by_side() -> Threads:
    cores = torch.get_num_threads()
    count = min(cores, MOST_AT_ONCE)
    return Threads(pool(count, cores), count)


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
