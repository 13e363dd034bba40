"""Storage as the roles of Azure leave it to one service: a proxy refuses whatever they don't allow.

A request needs one right, which its method and path tell. Azure would refuse it in the same way.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

from benchmarks.soak.counts import Counts
from benchmarks.soak.http_bytes import HttpMessage
from benchmarks.soak.proxy import Fault, Proxy
from services.console import accounts, azurite
from services.console.accounts import Accounts
from services.console.child_processes import Lifeline
from services.console.stack import Stack
from shared.prepare import prepare
from shared.rights import Rights
from shared.storage import Storage

TABLE = json.loads((Path(__file__).parents[2] / "deploy/azure/roles.json").read_text())
BY_METHOD = {
    "container": {"GET": "read", "HEAD": "read", "PUT": "write", "DELETE": "delete"},
    # Whoever receives a message also renews its lease and deletes it.
    "queue": {"GET": "receive", "POST": "send", "PUT": "receive", "DELETE": "receive"},
}


class Right(NamedTuple):
    kind: str
    name: str
    right: str


def rights_of(service: str) -> set[Right]:
    """All that the service's roles allow, which may be more than it needs."""
    return {
        Right(kind, row[kind], right)
        for row in TABLE["assignments"]
        if row["service"] == service
        for kind in BY_METHOD
        if kind in row
        for right in TABLE["roles"][row["role"]]["rights"]
    }


def flat(rights: Rights) -> set[Right]:
    return {
        Right(kind, name, right)
        for kind, wanted in (("container", rights.containers), ("queue", rights.queues))
        for name, words in wanted.items()
        for right in words.split()
    }


def needed_for(kind: str, request: HttpMessage) -> Right:
    """The right that Azure checks for this request."""
    method, target = request.words[:2]
    url = urlsplit(target)
    query = parse_qs(url.query)
    name = url.path.split("/")[2]  # after the account, which Azurite has in its paths
    comp = query.get("comp", [""])[0]
    if kind == "container" and comp in ("list", "batch"):
        return Right(kind, name, {"list": "list", "batch": "delete"}[comp])
    if kind == "queue" and (comp == "metadata" or "peekonly" in query):
        return Right(kind, name, "count" if comp else "peek")
    return Right(kind, name, BY_METHOD[kind][method])


class RoleProxy:
    """The two endpoints of one service, and the rights that it used."""

    def __init__(self, accounts: Accounts, allowed: set[Right]) -> None:
        self._accounts = accounts
        self._allowed = set(allowed)
        self._counts = True
        self.used: Counter[Right] = Counter()
        self.refused: Counter[Right] = Counter()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._ports = {
            f"{endpoint}_port": self._open.enter_context(
                Proxy(
                    getattr(self._accounts, f"{endpoint}_port"),
                    partial(self._check, kind),
                    Counts(),
                )
            ).port
            for endpoint, kind in (("blob", "container"), ("queue", "queue"))
        }
        self.accounts = self._accounts.model_copy(update=self._ports)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def forget_probes(self) -> None:
        """From here on `used` counts what the work uses, and not what is asked at the start."""
        self.used.clear()

    @contextmanager
    def not_counting(self) -> Iterator[None]:
        self._counts = False
        yield
        self._counts = True

    @contextmanager
    def without(self, right: Right) -> Iterator[None]:
        """Refuse this as well, until the end of the block."""
        self._allowed.remove(right)
        yield
        self._allowed.add(right)

    def _check(self, kind: str, request: HttpMessage) -> Fault | None:
        right = needed_for(kind, request)
        allowed = right in self._allowed
        if self._counts:
            (self.used if allowed else self.refused)[right] += 1
        return None if allowed else Fault.FORBIDDEN


@contextmanager
def storage_alone(folder: Path) -> Iterator[Accounts]:
    """Azurite with the accounts of a stack, prepared, without any service."""
    folder.mkdir(parents=True, exist_ok=True)
    made = accounts.make(folder).model_copy(update={"bells": None})
    lifeline = Lifeline()
    log = folder / "azurite.log"
    process = azurite.start(made, folder / "azurite", log, lifeline.end)
    try:
        prepare(Storage(made.settings()))
        yield made
    finally:
        process.terminate()
        process.wait()
        lifeline.cut()


class StackWithRoles(Stack):
    """The services that run in Azure, each behind a proxy of its own; no trigger runs there."""

    services = ("splitter", "dispatcher", "stitcher")

    def __init__(self, data: Path) -> None:
        super().__init__(data, nodes=1)
        self.proxies: dict[str, RoleProxy] = {}
        self._open = ExitStack()
        self._starting: str | None = None

    def close(self) -> None:
        super().close()
        self._open.close()

    def _start(self, service: str) -> None:
        self._starting = service.partition("-")[0]
        super()._start(service)
        self._starting = None

    def _environment(self) -> dict[str, str]:
        if self._starting is None:
            return super()._environment()
        if self._starting not in self.proxies:
            proxy = RoleProxy(self.accounts, rights_of(self._starting))
            self.proxies[self._starting] = self._open.enter_context(proxy)
        return super()._environment() | self.proxies[self._starting].accounts.environment()
