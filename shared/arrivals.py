"""The news that somebody brought a blob, for those who tell it in Event Grid's place."""

import uuid
from datetime import UTC, datetime

from shared.blobs import Container
from shared.messages import BlobCreated


def announcement(container: Container, blob: str, etag: str, size: int) -> BlobCreated:
    return BlobCreated.of(
        event_id=str(uuid.uuid4()),
        url=container.url_of(blob),
        container=container.name,
        blob=blob,
        etag=etag,
        size=size,
        at=datetime.now(UTC),
    )
