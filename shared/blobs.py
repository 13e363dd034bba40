"""One container of blobs, in the few ways that Impasto uses it."""

import base64
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urlsplit

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobLeaseClient, BlobProperties, ContainerClient

from shared import names
from shared.errors import StorageError, Taken
from shared.outages import one_try, retry_outages
from shared.ranged import ranged
from shared.refusals import isnt_there

#: Short, so that the claim of a dead worker is soon gone.
CLAIM_SECONDS = 15
#: As many blobs can be deleted with one request.
BATCH = 256
#: A blob that nobody makes, to ask what is allowed.
PROBE = ".impasto-probe"


@dataclass(frozen=True)
class Blob:
    name: str
    etag: str
    size: int
    modified: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)
    created: datetime | None = None
    #: Of all its bytes, in base64; storage doesn't know it of one that came in several blocks.
    md5: str = ""

    @property
    def is_folder(self) -> bool:
        """Of a hierarchical namespace, which lists folders among the blobs."""
        return self.metadata.get("hdi_isfolder") == "true"

    def has_content_of(self, size: int, md5: str) -> bool:
        """Whether it is known to have the same bytes, whatever became of its metadata."""
        return bool(md5) and (self.size, self.md5) == (size, md5)


class Container:
    def __init__(self, client: ContainerClient, outage_seconds: float) -> None:
        self._client = client
        self.name = client.container_name
        self.url = client.url
        # Empty on Azure; Azurite's URLs have the account's name in their path.
        self._account_in_path = urlsplit(client.url).path.strip("/").rpartition("/")[0]
        self.outage_seconds = outage_seconds

    def url_of(self, name: str) -> str:
        """As Event Grid writes it: the name quoted."""
        return f"{self.url}/{quote(name)}"

    @retry_outages
    def ensure(self) -> None:
        try:
            self._client.create_container()
        except ResourceExistsError:
            return

    @retry_outages
    def probe(self, right: str) -> None:
        """Raise what doing it would, where it isn't allowed. Nothing is changed or left behind."""
        blob = self._client.get_blob_client(PROBE)
        try:
            match right:
                case "list":
                    next(self._client.list_blobs(results_per_page=1).by_page(), None)
                case "read":
                    blob.get_blob_properties()
                case "write":  # over an ETag that no blob has
                    blob.upload_blob(
                        b"",
                        overwrite=True,
                        etag="0x0",
                        match_condition=MatchConditions.IfNotModified,
                    )
                case "delete":
                    blob.delete_blob()
        except ResourceModifiedError:
            return
        except ResourceNotFoundError as error:
            if isnt_there(error):
                raise

    @retry_outages
    def read(self, name: str) -> bytes:
        return self._client.download_blob(name).readall()

    @retry_outages
    def read_range(self, name: str, start: int, length: int, etag: str) -> bytes:
        return self._client.download_blob(
            name, start, length, etag=etag, match_condition=MatchConditions.IfNotModified
        ).readall()

    def open(self, name: str, etag: str, size: int) -> BinaryIO:
        """The blob as a seekable file; raises Changed where it no longer has that ETag."""
        return ranged(lambda start, length: self.read_range(name, start, length, etag), size)

    @retry_outages
    def find(self, name: str) -> Blob | None:
        blob = self._client.get_blob_client(name)
        try:
            found = blob.get_blob_properties()
        except ResourceNotFoundError as error:
            if isnt_there(error):
                raise
            return None
        return blob_of(found)

    @retry_outages
    def write(
        self, name: str, data: bytes | BinaryIO, metadata: Mapping[str, str] | None = None
    ) -> str:
        """Write all of it or nothing, over what stood there; the new ETag."""
        if not isinstance(data, bytes):
            data.seek(0)  # this may not be the first try
        done = self._client.get_blob_client(name).upload_blob(
            data, overwrite=True, metadata=dict(metadata or {}), max_concurrency=2
        )
        return names.plain_etag(done["etag"])

    @retry_outages
    def write_once(self, name: str, data: bytes, metadata: Mapping[str, str] | None = None) -> bool:
        """Whether this call wrote it; what stands already is left alone."""
        try:
            self._client.get_blob_client(name).upload_blob(
                data, overwrite=False, metadata=dict(metadata or {})
            )
        except HttpResponseError as error:
            if error.status_code in (409, 412):  # it exists; 412 where somebody has claimed it
                return False
            raise
        return True

    @retry_outages
    def under(self, prefix: str = "") -> list[Blob]:
        listed = self._client.list_blobs(name_starts_with=prefix, include=["metadata"])
        return [blob_of(properties) for properties in listed]

    @retry_outages
    def under_if_listable(self) -> list[Blob] | None:
        """All of them; None if one of them can't be listed."""
        listed = self._client.list_blobs(include=["metadata"])
        try:
            return [blob_of(properties) for properties in listed]
        except HttpResponseError as error:
            if is_unlistable(error):
                return None
            raise

    @retry_outages
    def page(self, prefix: str, after: str, most: int) -> list[Blob] | None:
        """The first so many that come after that name; None if one of them can't be listed.

        Only for storage that answers so, as Azurite does: on Azure no name marks a page.
        """
        pages = self._client.list_blobs(
            name_starts_with=prefix, include=["metadata"], results_per_page=most
        ).by_page(after or None)
        try:
            return [blob_of(properties) for properties in next(pages, ())]
        except HttpResponseError as error:
            if is_unlistable(error):
                return None
            raise

    @retry_outages
    def some_under(self, prefix: str, first: int, most: int) -> list[Blob]:
        """So many of them, from the one of that number on."""
        listed = self._client.list_blobs(name_starts_with=prefix, include=["metadata"])
        return [blob_of(properties) for properties in islice(listed, first, first + most)]

    @retry_outages
    def folders(self) -> list[str]:
        """The first parts of all names."""
        return [
            item.name.rstrip("/")
            for item in self._client.walk_blobs(delimiter="/")
            if item.name.endswith("/")
        ]

    @retry_outages
    def delete(self, name: str) -> bool:
        try:
            self._client.delete_blob(name)
        except ResourceNotFoundError:
            return False
        return True

    def delete_all(self, prefix: str) -> None:
        there = [blob.name for blob in self.under(prefix)]
        for first in range(0, len(there), BATCH):
            self._delete_batch(there[first : first + BATCH])

    @retry_outages
    def _delete_batch(self, blobs: list[str]) -> None:
        # The SDK puts the account into each part's path for localhost only.
        answers = list(
            self._client.delete_blobs(
                *blobs, raise_on_any_failure=False, url_prepend=self._account_in_path
            )
        )
        whole = len(answers) == len(blobs)  # else the one answer refuses the whole batch
        for index, name in enumerate(blobs):
            if not whole or answers[index].status_code not in (202, 404):
                self.delete(name)  # alone it can say what is wrong

    @retry_outages
    def download(self, name: str, path: Path) -> None:
        """All of the blob in a file, or no file at all."""
        half = path.with_name(f".{path.name}.part")
        try:
            with half.open("wb") as file:
                self._client.download_blob(name, max_concurrency=2).readinto(file)
            half.replace(path)
        finally:
            half.unlink(missing_ok=True)

    @contextmanager
    def claim(self, name: str) -> Iterator[None]:
        """Hold an existing blob's lease, renewed while held; Taken if somebody else has it."""
        lease = BlobLeaseClient(self._client.get_blob_client(name))
        self._acquire(lease, name)
        released = threading.Event()

        def keep() -> None:
            while not released.wait(CLAIM_SECONDS / 3):
                try:
                    one_try(lease.renew)()
                except (StorageError, AzureError):
                    continue  # the message's own lease decides whether the work goes on

        keeper = threading.Thread(target=keep, name="claim", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            released.set()
            keeper.join()
            with suppress(StorageError, AzureError):  # it runs out by itself
                one_try(lease.release)()

    @retry_outages
    def _acquire(self, lease: BlobLeaseClient, name: str) -> None:
        """Asked twice, for want of an answer, it is the same lease: its id is ours to choose."""
        try:
            lease.acquire(lease_duration=CLAIM_SECONDS)
        except ResourceExistsError as error:
            raise Taken(f"{name} is claimed by another worker") from error


def is_unlistable(error: HttpResponseError) -> bool:
    """Storage that is in trouble names an error code, or answers nothing at all."""
    return error.status_code == 500 and not getattr(error, "error_code", None)


def blob_of(found: BlobProperties) -> Blob:
    return Blob(
        name=found.name,
        etag=names.plain_etag(found.etag),
        size=found.size,
        modified=found.last_modified,
        metadata=dict(found.metadata or {}),
        created=found.creation_time,
        md5=base64.b64encode(found.content_settings.content_md5 or b"").decode(),
    )
