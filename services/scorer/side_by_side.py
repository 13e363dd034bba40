"""Several pictures at once on a CPU, each scored by a thread of its own.

Cores that share a picture wait for each other in every layer, and that takes a fifth of their time.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier

import torch

from services.scorer.scorer import Picture, PictureScorer

#: Each needs the memory of a whole pass; beyond, the cores share pictures after all.
MOST_AT_ONCE = 8


class SideBySide(PictureScorer):
    def __init__(self, scorer: PictureScorer) -> None:
        cores = torch.get_num_threads()
        self._scorer = scorer
        self.device = scorer.device
        self.batch = min(cores, MOST_AT_ONCE)
        self._threads = threads(self.batch, cores)

    def score(self, values: Sequence[Picture]) -> Sequence[Picture]:
        return list(self._threads.map(lambda value: self._scorer.score([value])[0], values))

    def report(self) -> dict[str, float | str]:
        return {"batch": self.batch}


@cache
def threads(count: int, cores: int) -> ThreadPoolExecutor:
    """Each has its share of the cores for what it asks of torch."""
    pool = ThreadPoolExecutor(count, "scorer", take, (cores // count,))
    list(pool.map(lambda there: there.wait(), [Barrier(count)] * count))
    torch.set_num_threads(cores)  # what the last of them said goes for all threads to come
    return pool


def take(cores: int) -> None:
    torch.set_num_threads(cores)
    torch.get_num_threads()  # only what a thread has asked for once stays as it is
