"""Ends leases early, as a wrong clock would.

The proxy reports which messages were received and which blobs were leased. A message in flight is
made visible, so that another consumer receives it; a blob's lease is broken and taken.
"""

import queue
import random
import re
import threading
from contextlib import suppress
from urllib.parse import unquote, urlsplit

from azure.core.exceptions import AzureError
from azure.storage.blob import BlobLeaseClient

from benchmarks.soak.counts import Counts
from benchmarks.soak.http_bytes import HttpMessage
from services.console.accounts import Accounts
from shared.blobs import CLAIM_SECONDS
from shared.storage import API_VERSION, Account

MESSAGE = re.compile(rb"<MessageId>(.*?)</MessageId>.*?<PopReceipt>(.*?)</PopReceipt>", re.S)
RECEIVED = re.compile(r"^/[^/]+/(?P<queue>[^/]+)/messages\?")
CLAIMED = re.compile(r"^/[^/]+/(?P<container>jobs)/(?P<blob>.+)\?comp=lease")


class LeaseStealer:
    def __init__(self, accounts: Accounts, counts: Counts) -> None:
        work = Account(accounts.settings().work_connection, None)
        self._queues = work.queues(api_version=API_VERSION, retry_total=0)
        self._blobs = work.blobs("WORK", api_version=API_VERSION, retry_total=0)
        self._counts = counts
        self.chance = 0.0
        self._seen: queue.Queue[tuple[HttpMessage, HttpMessage] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="stealer", daemon=True)
        self._thread.start()

    def observe(self, request: HttpMessage, answer: HttpMessage) -> None:
        """Called by the proxy, which must not wait: another thread does the work."""
        method, path, _ = request.words
        received = method == "GET" and "/messages?" in path and "peekonly" not in path
        claimed = method == "PUT" and request.header("x-ms-lease-action") == "acquire"
        if (received or claimed) and random.random() < self.chance:
            self._seen.put((request, answer))

    def close(self) -> None:
        self._seen.put(None)
        self._thread.join()

    def _work(self) -> None:
        while seen := self._seen.get():
            request, answer = seen
            path = urlsplit(request.words[1])
            asked = f"{unquote(path.path)}?{path.query}"
            with suppress(AzureError):  # too late: it has been released
                if place := RECEIVED.match(asked):
                    self._steal_message(place["queue"], answer)
                elif (place := CLAIMED.match(asked)) and answer.words[1] == "201":
                    self._steal_claim(place["container"], place["blob"])

    def _steal_message(self, name: str, answer: HttpMessage) -> None:
        for message, receipt in MESSAGE.findall(answer.body):
            self._queues.get_queue_client(name).update_message(
                message.decode(), receipt.decode(), visibility_timeout=0
            )
            self._counts.add("message's lease ended early")

    def _steal_claim(self, container: str, blob: str) -> None:
        claim = BlobLeaseClient(self._blobs.get_blob_client(container, blob))
        claim.break_lease(lease_break_period=0)
        claim.acquire(CLAIM_SECONDS)
        self._counts.add("claim broken and taken")
