"""The roles that Azure gives each service: what its code needs, and as little besides as can be."""

import itertools
import json
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from services.web.rights import RIGHTS as WEB
from shared.arrivals import lane_of
from shared.clusters.settings import WorkerSettings
from shared.rights import SWEEPING, Rights, merged
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.settings import Settings
from shared.storage import LANES, POISON, QUEUES, WORK_CONTAINERS, Storage
from shared.workloads import installed, media_containers, watched

TABLE = json.loads((Path(__file__).parents[2] / "deploy/azure/roles.json").read_text())
ROLES: dict[str, dict[str, Any]] = TABLE["roles"]
ASSIGNMENTS: list[dict[str, str]] = TABLE["assignments"]

SERVICES = ("splitter", "dispatcher", "scorer", "stitcher")
ANNOUNCING = Rights({"jobs": "read write"})
#: What has no loop that would check its rights itself. tests/integration/test_roles_of_jobs.py
#: shows that each uses all of them.
OTHERS = {
    "replay": merged(
        [
            ANNOUNCING,
            SWEEPING,
            Rights(
                {**dict.fromkeys(watched(), "list"), "jobs": "list"},
                dict.fromkeys([*LANES, "lessons"], "send"),
            ),
        ]
    ),
    "publish": Rights({"models": "write"}),
    "due": merged(
        [
            ANNOUNCING,
            Rights(
                {w.input: "list" for w in installed().values() if not w.announces_blobs},
                {lane_of("2026-11-20T14"): "send"},  # windows have no folder
            ),
        ]
    ),
    # Container Apps counts the messages of every queue that it scales a service by.
    "scaler": Rights(queues=dict.fromkeys(QUEUES, "count")),
    # The smoke test after a deployment drops a video, and waits for its output.
    "web": WEB,
    "deploy": Rights({"input": "write", "output": "read", "jobs": "read"}),
}
BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/"
MESSAGES = "Microsoft.Storage/storageAccounts/queueServices/queues/messages/"
COUNT = "Microsoft.Storage/storageAccounts/queueServices/queues/read"
ALLOWED_BY = {
    "list": {f"{BLOBS}read"},
    "read": {f"{BLOBS}read"},
    "write": {f"{BLOBS}write"},
    "delete": {f"{BLOBS}delete"},
    "count": {COUNT},
    "peek": {f"{MESSAGES}read"},
    # Renewing a lease updates the message, which is a write.
    "receive": {f"{MESSAGES}process/action", f"{MESSAGES}write", f"{MESSAGES}delete"},
    "send": {f"{MESSAGES}write"},
}
BUILT_IN = {
    "Storage Blob Delegator": "db58b8e5-c6ad-4a2a-8342-4190687cbf4a",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "Storage Queue Data Reader": "19e7f393-937e-4f77-808e-94535e297925",
    "Storage Queue Data Message Sender": "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a",
}


def built(service: str, **given: Any) -> Consumer:
    """The service as its process builds it, before it runs."""
    module = import_module(f"services.{service}.service")
    account = "DefaultEndpointsProtocol=http;AccountName=x;AccountKey=eA==;BlobEndpoint=http://x/x;"
    connection = SecretStr(f"{account}QueueEndpoint=http://x/x")
    kind = (
        WorkerSettings
        if service == "dispatcher"
        else import_module(f"services.{service}.settings").__dict__[f"{service.title()}Settings"]
    )
    if kind is WorkerSettings:
        given["cluster"] = "queue"
    settings: Settings = kind(media_connection=connection, work_connection=connection, **given)
    worker: Consumer = module.build(Storage(settings), settings, Stop())
    return worker


def rights_needed_by(service: str) -> Rights:
    """What the service checks at its start, its queues' rights included."""
    if service in OTHERS:
        return OTHERS[service]
    worker = built(service)
    worker._handlers.close()
    if worker._at_end:
        worker._at_end()
    return worker._access._rights


def rights_of(roles: Iterable[str]) -> set[str]:
    return {right for role in roles for right in ROLES[role]["rights"]}


def least(kind: str, rights: set[str]) -> set[str]:
    """The roles of the table that allow this and the least besides; of equals, the fewest."""
    usable = [name for name, role in ROLES.items() if role["kind"] == kind]
    choices = [
        (len(rights_of(chosen) - rights), count, set(chosen))
        for count in (1, 2)
        for chosen in itertools.combinations(usable, count)
        if rights <= rights_of(chosen)
    ]
    return min(choices, key=lambda choice: choice[:2])[2]


@pytest.mark.parametrize("service", [*SERVICES, *OTHERS])
def test_each_service_has_the_roles_it_needs_and_no_others(service: str) -> None:
    needed = rights_needed_by(service)
    expected = {
        (kind, name, role)
        for kind, wanted in (
            ("container", needed.containers),
            ("queue", needed.queues),
            ("account", {"media": needed.media} if needed.media else {}),
        )
        for name, rights in wanted.items()
        for role in least(kind, set(rights.split()))
    }
    rows = [row for row in ASSIGNMENTS if row["service"] == service]
    given = {
        (kind, row[kind], row["role"])
        for row in rows
        for kind in ("container", "queue", "account")
        if kind in row
    }
    assert given == expected
    assert len(rows) == len(given)


def test_the_table_names_only_what_is_there() -> None:
    assert {row["service"] for row in ASSIGNMENTS} == {*SERVICES, *OTHERS}
    for row in ASSIGNMENTS:
        [kind] = row.keys() - {"service", "role"}
        assert ROLES[row["role"]]["kind"] == kind
    assert {row["container"] for row in ASSIGNMENTS if "container" in row} <= {
        *media_containers(),
        *WORK_CONTAINERS,
    }
    assert {row["queue"] for row in ASSIGNMENTS if "queue" in row} <= {
        *QUEUES,
        *(name + POISON for name in QUEUES),
    }
    assert {row["account"] for row in ASSIGNMENTS if "account" in row} == {"media"}
    assert {row["role"] for row in ASSIGNMENTS} == ROLES.keys()
    assert set(LANES) <= {row["queue"] for row in ASSIGNMENTS if "queue" in row}


@pytest.mark.parametrize("name", ROLES)
def test_a_role_allows_the_rights_it_names(name: str) -> None:
    """The built-in ones by their known id; our own by exactly the actions that the rights take."""
    role = ROLES[name]
    if "id" in role:
        assert BUILT_IN[role["name"]] == role["id"]
        return
    wanted = set().union(*(ALLOWED_BY[right] for right in role["rights"]))
    assert {*role["actions"], *role["dataActions"]} == wanted
    assert set(role["actions"]) <= {COUNT}


@pytest.mark.parametrize("seconds", [None, 60.0])
def test_a_stitcher_leaves_when_idle_if_it_is_a_job(seconds: float | None) -> None:
    worker = built("stitcher", stitcher_idle_exit_seconds=seconds)
    assert worker._leave_when_idle == seconds
    worker._handlers.close()
    if worker._at_end:
        worker._at_end()
