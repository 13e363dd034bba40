"""Workers that nobody starts: replicas of the scorer, kept by Compose, or by KEDA as work comes."""

from services.dispatcher.cluster import WorkerState
from services.dispatcher.settings import DispatcherSettings


class Replicas:
    """Chunks are sized to as many as there may be; how many there are isn't known here."""

    def __init__(self, settings: DispatcherSettings) -> None:
        self.nodes = settings.nodes

    def workers(self) -> list[WorkerState]:
        return []

    def trouble(self) -> str | None:
        return None

    def last_words(self, worker: str) -> str:
        return ""

    def start(self, workers: int) -> None:
        """What keeps the replicas sees for itself how long the queue is."""

    def dismiss(self, worker: str) -> None:
        """Nobody was asked for."""

    def close(self) -> None:
        """They are not ours to end."""
