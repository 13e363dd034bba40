"""A container of blobs: read, write, list, delete, and claim by lease."""

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
from shared.refusals import missing_place

#: How long the claim of a dead worker lasts.
CLAIM_SECONDS = 15
#: The most blobs that one request deletes.
BATCH = 256
#: Answers to an append that would make the blob too large, or the 50,001st.
APPEND_LIMITS = ("MaxBlobSizeConditionNotMet", "BlockCountExceedsLimit")
#: The name of a blob that never exists, to ask what is allowed.
PROBE = ".impasto-probe"


@dataclass(frozen=True)
class Blob:
    name: str
    etag: str
    size: int
    modified: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)
    created: datetime | None = None
    #: In base64; empty for most blobs that were uploaded in several blocks.
    md5: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, which a hierarchical namespace lists among the blobs."""
        return self.metadata.get("hdi_isfolder") == "true"

    def has_content_of(self, size: int, md5: str) -> bool:
        """Whether its checksum says that it has the same bytes."""
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
        """The blob's URL with its name quoted, as Event Grid writes it."""
        return f"{self.url}/{quote(name)}"

    @retry_outages
    def ensure(self) -> None:
        try:
            self._client.create_container()
        except ResourceExistsError:
            return

    @retry_outages
    def probe(self, right: str) -> None:
        """Raise Forbidden without the right, Unprepared without the container; change nothing."""
        blob = self._client.get_blob_client(PROBE)
        try:
            match right:
                case "list":
                    next(self._client.list_blobs(results_per_page=1).by_page(), None)
                case "read":
                    blob.get_blob_properties()
                case "write":  # on the condition of an ETag that no blob has
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
            if missing_place(error):
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
            if missing_place(error):
                raise
            return None
        return blob_of(found)

    @retry_outages
    def write(
        self, name: str, data: bytes | BinaryIO, metadata: Mapping[str, str] | None = None
    ) -> str:
        """Write the blob, or replace it as a whole; return its new ETag."""
        if not isinstance(data, bytes):
            data.seek(0)  # this may not be the first try
        done = self._client.get_blob_client(name).upload_blob(
            data, overwrite=True, metadata=dict(metadata or {}), max_concurrency=2
        )
        return names.plain_etag(done["etag"])

    @retry_outages
    def write_once(self, name: str, data: bytes, metadata: Mapping[str, str] | None = None) -> bool:
        """Write the blob unless it exists; return whether this call wrote it."""
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
    def append(self, name: str, data: bytes, most: int) -> bool:
        """Append to the blob, which is made if it is missing; False where it would be over `most`.

        A retry may append the data twice.
        """
        blob = self._client.get_blob_client(name)
        try:
            try:
                blob.append_block(data, maxsize_condition=most)
            except ResourceNotFoundError as error:
                if missing_place(error):
                    raise
                with suppress(ResourceExistsError, ResourceModifiedError):  # made by another one
                    blob.create_append_blob(match_condition=MatchConditions.IfMissing)
                blob.append_block(data, maxsize_condition=most)
        except HttpResponseError as error:
            if getattr(error, "error_code", None) in APPEND_LIMITS:
                return False
            raise
        return True

    @retry_outages
    def read_from(self, name: str, start: int) -> bytes:
        """The blob from this byte on; empty if it has no more."""
        try:
            return self._client.download_blob(name, offset=start).readall()
        except HttpResponseError as error:
            if error.status_code == 416:
                return b""
            raise

    @retry_outages
    def under(self, prefix: str = "") -> list[Blob]:
        listed = self._client.list_blobs(name_starts_with=prefix, include=["metadata"])
        return [blob_of(properties) for properties in listed]

    @retry_outages
    def under_if_listable(self) -> list[Blob] | None:
        """All blobs; None if a name can't be listed."""
        listed = self._client.list_blobs(include=["metadata"])
        try:
            return [blob_of(properties) for properties in listed]
        except HttpResponseError as error:
            if is_unlistable(error):
                return None
            raise

    @retry_outages
    def page(self, prefix: str, after: str, most: int) -> list[Blob] | None:
        """The first blobs that come after a name; None if a name among them can't be listed.

        For Azurite only: it takes a name as a continuation token, Azure doesn't.
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
        """At most `most` blobs, from the number `first` on."""
        listed = self._client.list_blobs(name_starts_with=prefix, include=["metadata"])
        return [blob_of(properties) for properties in islice(listed, first, first + most)]

    @retry_outages
    def folders(self, prefix: str = "") -> list[str]:
        """The top folders of all names; after a prefix like `a/b/`, those inside that folder."""
        return [
            item.name.removeprefix(prefix).rstrip("/")
            for item in self._client.walk_blobs(prefix, delimiter="/")
            if item.name.endswith("/")
        ]

    @retry_outages
    def at_top(self) -> list[Blob]:
        """The blobs that are in no folder."""
        listed = self._client.walk_blobs(delimiter="/", include=["metadata"])
        return [blob_of(item) for item in listed if isinstance(item, BlobProperties)]

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
        # The SDK puts the account into the path of each part for localhost only.
        answers = list(
            self._client.delete_blobs(
                *blobs, raise_on_any_failure=False, url_prepend=self._account_in_path
            )
        )
        whole = len(answers) == len(blobs)  # else one answer refuses the whole batch
        for index, name in enumerate(blobs):
            if not whole or answers[index].status_code not in (202, 404):
                self.delete(name)  # alone, it raises what is wrong

    @retry_outages
    def download(self, name: str, path: Path) -> None:
        """Download the whole blob into a file; leave no file if that fails."""
        part = path.with_name(f".{path.name}.part")
        try:
            with part.open("wb") as file:
                self._client.download_blob(name, max_concurrency=2).readinto(file)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    @contextmanager
    def claim(self, name: str) -> Iterator[None]:
        """Hold an existing blob's lease, and renew it; raise Taken if somebody else has it."""
        lease = BlobLeaseClient(self._client.get_blob_client(name))
        self._acquire(lease, name)
        released = threading.Event()

        def keep() -> None:
            while not released.wait(CLAIM_SECONDS / 3):
                try:
                    one_try(lease.renew)()
                except (StorageError, AzureError):
                    continue  # if the message's lease is lost as well, the handler stops

        keeper = threading.Thread(target=keep, name="claim", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            released.set()
            keeper.join()
            with suppress(StorageError, AzureError):  # it expires by itself
                one_try(lease.release)()

    @retry_outages
    def _acquire(self, lease: BlobLeaseClient, name: str) -> None:
        """A retry acquires the same lease, as the client chooses its id."""
        try:
            lease.acquire(lease_duration=CLAIM_SECONDS)
        except ResourceExistsError as error:
            raise Taken(f"{name} is claimed by another worker") from error


def is_unlistable(error: HttpResponseError) -> bool:
    """Whether a listing failed because of a name: other errors have a code."""
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
