"""Links for people without an account: one uploads one new file, or downloads one output.

A link is a shared access signature of one blob. Without a hierarchical namespace, which these
accounts don't have, a signature covers one blob or a whole container, and never a folder; so an
upload link carries the blob's name, and each file needs a link of its own.
"""

import secrets
import shlex
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Literal

from azure.storage.blob import BlobServiceClient, UserDelegationKey, generate_blob_sas
from pydantic import BaseModel

from shared import names
from shared.control.job_control import JobControl
from shared.errors import Misconfigured, NotYet, Refused
from shared.outages import retry_outages
from shared.settings import Settings
from shared.storage import API_VERSION, Account, Storage
from shared.workload import Workload
from shared.workloads import workload_called

#: Azure's limit for links that a login signs. Links that an account key signs have the same here.
LONGEST = timedelta(days=7)
LONGEST_HOURS = int(LONGEST.total_seconds()) // 3600
#: By how much clocks may differ.
SKEW = timedelta(minutes=5)


class Grant(BaseModel):
    allows: Literal["upload", "download"]
    blob: str
    until: datetime
    link: str
    #: How to use the link with curl, AzCopy and az.
    commands: list[str]


class Grants:
    def __init__(self, settings: Settings, url: str | None = None) -> None:
        """`url` is the account's as users of links reach it, if that isn't the settings'."""
        self.outage_seconds = settings.outage_seconds
        self._settings = settings
        self._url = url
        self._storage = Storage(settings)

    def upload(self, workload: Workload, folder: str, file: str | None, hours: int) -> Grant:
        """A link that creates `folder/file`; an unguessable name if no file is given."""
        blob = names.check_blob_name(f"{folder.strip('/')}/{file or unguessable_name()}")
        with suppress(NotYet):  # the job will wait for its model
            workload.require_model(self._storage, names.top_folder(blob))
        place = f"{workload.input}/{blob}"
        if self._storage.container(workload.input).find(blob):
            raise Refused(f"{place} exists, and a link can't overwrite it; use another --file")
        link, until = self._sign(workload.input, blob, "c", timedelta(hours=hours))
        local, url = shlex.quote(PurePosixPath(file or "FILE").name), shlex.quote(link)
        return Grant(
            allows="upload",
            blob=place,
            until=until,
            link=link,
            commands=[
                f"curl --fail -H 'x-ms-blob-type: BlockBlob' --upload-file {local} {url}",
                f"azcopy copy {local} {url} --put-blob-size-mb 5000 --check-length=false",
                f"az storage blob upload --file {local} --blob-url {url}",
            ],
        )

    def download(self, job: str, hours: int) -> Grant:
        """A link that reads a finished job's output."""
        status = JobControl(self._storage).require_output(job)
        container, blob = workload_called(status.workload).output, str(status.output)
        link, until = self._sign(container, blob, "r", timedelta(hours=hours))
        local, url = shlex.quote(PurePosixPath(blob).name), shlex.quote(link)
        return Grant(
            allows="download",
            blob=f"{container}/{blob}",
            until=until,
            link=link,
            commands=[
                f"curl --fail --output {local} {url}",
                f"azcopy copy {url} {local}",
                f"az storage blob download --file {local} --blob-url {url}",
            ],
        )

    def to_output(self, job: str, duration: timedelta) -> str:
        """A link that reads a finished job's output, for the browser of who may do that."""
        status = JobControl(self._storage).require_output(job)
        return self.link(workload_called(status.workload).output, str(status.output), "r", duration)

    def link(self, container: str, blob: str, rights: str, duration: timedelta) -> str:
        """A link to one blob of the account `media`, with these rights: letters of `rwcd`."""
        return self._sign(container, blob, rights, duration)[0]

    def _sign(
        self, container: str, blob: str, rights: str, duration: timedelta
    ) -> tuple[str, datetime]:
        settings = self._settings
        account = Account(settings.media_connection, settings.media_url)
        start = datetime.now(UTC).replace(microsecond=0) - SKEW
        until = min(start + SKEW + duration, start + LONGEST)
        with account.blobs("MEDIA", api_version=API_VERSION, retry_total=0) as service:
            by_key = settings.media_connection is not None
            token = generate_blob_sas(
                str(service.account_name),
                container,
                blob,
                account_key=account_key(service) if by_key else None,
                user_delegation_key=None if by_key else self._key(service, start, until),
                permission=rights,
                start=start,
                expiry=until,
                protocol="https" if str(service.scheme) == "https" else None,
            )
            url = str(service.get_blob_client(container, blob).url)
            if self._url:
                url = url.replace(str(service.url).rstrip("/"), self._url.rstrip("/"), 1)
            return f"{url}?{token}", until

    @retry_outages
    def _key(self, service: BlobServiceClient, start: datetime, end: datetime) -> UserDelegationKey:
        return service.get_user_delegation_key(start, end)


def account_key(service: BlobServiceClient) -> str:
    key = getattr(service.credential, "account_key", None)
    if not key:
        raise Misconfigured(
            "IMPASTO_MEDIA_CONNECTION has no account key to sign a link with; "
            "set IMPASTO_MEDIA_URL instead and log in"
        )
    return str(key)


def unguessable_name() -> str:
    """Without an ending: what kind of file it is shows in its content."""
    return f"upload-{secrets.token_hex(8)}"
