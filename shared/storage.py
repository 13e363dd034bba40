"""The two storage accounts, `media` and `work`, and the names of containers and queues.

The containers of `media` belong to the workloads (shared/workloads.py).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from azure.core.credentials import TokenCredential
from azure.storage.blob import BlobServiceClient, CorsRule
from azure.storage.queue import QueueServiceClient
from pydantic import SecretStr

from shared.blobs import Container
from shared.errors import Misconfigured
from shared.outages import retry_outages
from shared.queues import Queue
from shared.settings import Settings
from shared.telemetry.storage_calls import BLOB, QUEUE, noting

#: The newest version that Azurite 3.35 supports; it refuses the SDK's default.
API_VERSION = "2025-11-05"

WORK_CONTAINERS = ("jobs", "shards", "scored", "segments", "models", "logs")
#: Queues of jobs that wait to be opened. All blobs of a top folder are in the same lane.
LANES = tuple(f"waiting-{number}" for number in range(8))
QUEUES = ("lessons", "arrivals", *LANES, "segments", "shards", "chunks", "scored")
POISON = "-poison"
#: What pages of other origins may do with the media account; deploy/azure has the same.
PAGES_MAY: dict[str, Any] = {
    "allowed_methods": ["GET", "HEAD", "PUT", "OPTIONS"],
    "allowed_headers": ["content-type", "if-none-match", "x-ms-*"],
    "exposed_headers": ["etag", "x-ms-*"],
    "max_age_in_seconds": 3600,
}


class Account(NamedTuple):
    """How to reach one account: by connection string, or by URL and identity."""

    connection: SecretStr | None
    blob_url: str | None
    queue_url: str | None = None

    def blobs(self, what: str, **options: Any) -> BlobServiceClient:
        if self.connection:
            return BlobServiceClient.from_connection_string(
                self.connection.get_secret_value(), **options
            )
        if not self.blob_url:
            raise Misconfigured(
                f"set IMPASTO_{what}_CONNECTION or IMPASTO_{what}_URL: "
                f"there is no way to the {what.lower()} account"
            )
        return BlobServiceClient(self.blob_url, credential=identity(), **options)

    def queues(self, **options: Any) -> QueueServiceClient:
        if self.connection:
            return QueueServiceClient.from_connection_string(
                self.connection.get_secret_value(), **options
            )
        blob_url = self.blob_url or ""
        if not self.queue_url and ".blob." not in blob_url:
            raise Misconfigured(
                f"set IMPASTO_WORK_QUEUE_URL: IMPASTO_WORK_URL is {blob_url}, which has no .blob."
                " that could be replaced by .queue."
            )
        url = self.queue_url or blob_url.replace(".blob.", ".queue.")
        return QueueServiceClient(url, credential=identity(), **options)


def identity() -> TokenCredential:
    # Imported here: it takes half a second, and only Azure needs it.
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


def work_endpoint(settings: Settings) -> str:
    """The blob URL of the work account, without secrets; empty if it isn't set."""
    connection = settings.work_connection
    if connection is None:
        return (settings.work_url or "").rstrip("/")
    try:
        with BlobServiceClient.from_connection_string(connection.get_secret_value()) as client:
            return str(client.url).partition("?")[0].rstrip("/")
    except ValueError as error:
        raise Misconfigured(f"IMPASTO_WORK_CONNECTION is no connection string: {error}") from None


class Storage:
    def __init__(self, settings: Settings) -> None:
        self.outage_seconds = settings.outage_seconds
        self.keep_intermediates = settings.keep_intermediates
        self.bells = settings.bells
        # shared/outages.py retries: the SDK's retries would multiply them.
        options = {"api_version": API_VERSION, "retry_total": 0, "connection_timeout": 5}
        media = Account(settings.media_connection, settings.media_url)
        self._media_by_login = settings.media_connection is None
        work = Account(settings.work_connection, settings.work_url, settings.work_queue_url)
        # A shard is read or written with one request. A whole input isn't held in memory.
        large, small = 64 << 20, 2 << 20
        blob_hook, queue_hook = noting(BLOB), noting(QUEUE)
        self._media = media.blobs(
            "MEDIA",
            raw_response_hook=blob_hook,
            max_single_get_size=large,
            max_single_put_size=small,
            max_block_size=small,
            **options,
        )
        self._work = work.blobs(
            "WORK", raw_response_hook=blob_hook, max_single_get_size=large, **options
        )
        self._queues = work.queues(raw_response_hook=queue_hook, read_timeout=10, **options)

    @retry_outages
    def let_pages_upload(self, origins: Sequence[str]) -> None:
        """Let web pages of these origins send files to the media account."""
        rule = CorsRule(list(origins), **PAGES_MAY)
        self._media.set_service_properties(cors=[rule])

    @retry_outages
    def probe_media(self, right: str) -> None:
        """Raise Forbidden if the login may not `sign` links; an account's key always may."""
        if self._media_by_login and right == "sign":
            now = datetime.now(UTC)
            self._media.get_user_delegation_key(now, now + timedelta(minutes=5))

    def container(self, name: str) -> Container:
        service = self._work if name in WORK_CONTAINERS else self._media
        return Container(service.get_container_client(name), self.outage_seconds)

    def queue(self, name: str) -> Queue:
        return Queue(self._queues.get_queue_client(name), self.outage_seconds, self.bells)

    def poison(self, name: str) -> Queue:
        return self.queue(name + POISON)
