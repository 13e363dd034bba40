"""Videos and paintings that are announced in queues and not handled yet."""

from shared.messages import BlobCreated, decode
from shared.storage import LANES, Storage


def announced_videos(storage: Storage) -> list[BlobCreated]:
    return [event for lane in LANES for event in announced(storage, lane)]


def announced(storage: Storage, queue: str) -> list[BlobCreated]:
    return [decode(found.text, BlobCreated) for found in storage.queue(queue).receive_all(30)]


def forget_announcements(storage: Storage) -> None:
    """As killed storage forgets them."""
    for name in ("lessons", *LANES):
        storage.queue(name).clear()
