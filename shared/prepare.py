"""Creates the containers and queues that are missing. Services don't: they wait for them."""

from collections.abc import Sequence

from shared.storage import QUEUES, WORK_CONTAINERS, Storage
from shared.workloads import media_containers


def prepare(storage: Storage, origins: Sequence[str] = ()) -> None:
    """`origins` are those of web pages, which may then send files to the media account."""
    for name in (*media_containers(), *WORK_CONTAINERS):
        storage.container(name).ensure()
    for name in QUEUES:
        storage.queue(name).ensure()
        storage.poison(name).ensure()
    if origins:
        storage.let_pages_upload(origins)
