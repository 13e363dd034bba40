"""What has been announced, and waits to be opened or learnt."""

from shared.messages import BlobCreated, decode
from shared.storage import LANES, Storage


def announced_videos(storage: Storage) -> list[BlobCreated]:
    return [event for lane in LANES for event in announced(storage, lane)]


def announced(storage: Storage, queue: str) -> list[BlobCreated]:
    return [decode(found.text, BlobCreated) for found in storage.queue(queue).receive_all(30)]


def forget_announcements(storage: Storage) -> None:
    """As storage that was killed does."""
    for name in ("lessons", *LANES):
        storage.queue(name).clear()
