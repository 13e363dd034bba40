"""What a scorer is: items in, as many items out, and the device it did it on."""

from typing import Protocol

from services.scorer.stopwatch import Stopwatch
from shared.shards import Item


class Scorer(Protocol):
    @property
    def device(self) -> str:
        """What it runs on, for the report."""

    def score(self, items: list[Item], watch: Stopwatch) -> list[Item]:
        """One shard's items, scored, under the names that they came with."""


class Original:
    """The identity: what the pipeline does when the model does nothing."""

    device = "none"

    def score(self, items: list[Item], watch: Stopwatch) -> list[Item]:
        return items
