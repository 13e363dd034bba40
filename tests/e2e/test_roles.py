"""The roles of deploy/azure are enough for each service, and a service uses what they are for.

Each runs behind a proxy of its own that allows what its roles allow, by method and path.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.console.job_control import JobControl
from shared.messages import BlobCreated
from shared.rights import Rights
from shared.runtime.heartbeat import why_not_ready
from shared.storage import LANES, QUEUES, Storage
from shared.workloads import media_containers
from tests.support.role_proxy import Right, RoleProxy, StackWithRoles, rights_of
from tests.support.stacks import QUICK
from tests.support.waiting import eventually
from tests.unit.test_azure_roles import rights_needed_by

SERVICES = ("splitter", "dispatcher", "scorer", "stitcher")
CONSUMED = {
    "splitter": ("arrivals", *LANES, "segments"),
    "dispatcher": ("shards",),
    "scorer": ("chunks", "lessons"),
    "stitcher": ("scored",),
}
WORDS = {
    "list": "list",
    "read": "read from",
    "write": "write to",
    "delete": "delete from",
    "count": "count messages of",
    "peek": "receive from",
    "receive": "renew a message's lease of",
    "send": "send to",
}
EVERYWHERE = {
    "a service that has to leave notes that it hands a message back": (
        "read logs; write logs; delete logs"
    ),
    "a job waits while the disk is full": "read shards; write shards",
    "a job ended while its messages were on their way, and is swept": (
        "list shards; delete shards; list scored; delete scored; list segments; delete segments"
    ),
}
#: What one video and bad messages don't use, with what does.
RARE = {
    "splitter": EVERYWHERE
    | {
        "a style that isn't there yet may be being learnt": "list styles; list models",
        "a folder is renamed": "list input",
        "readings are split": "list readings; read readings",
        "messages are postponed, and each top folder has one lane": "; ".join(
            f"send {queue}" for queue in ("arrivals", *LANES)
        ),
    },
    "dispatcher": EVERYWHERE
    | {
        "workers of a cluster are started before there are chunks": "; ".join(
            f"count {queue}" for queue in ("arrivals", *LANES, "segments", "shards")
        ),
        "no worker can start: jobs fail": (
            "receive chunks; send chunks-poison; receive lessons; send lessons-poison; write jobs"
        ),
        "a long video's next segment is asked for": "send segments",
        "old logs of jobs are deleted": "list logs",
        "metrics are asked for": "; ".join(
            f"count {queue}-poison; peek {queue}; count {queue}" for queue in QUEUES
        ),
        "a message is postponed": "send shards",
    },
    "scorer": EVERYWHERE
    | {
        "a painting is learnt": (
            "list models; write models; list styles; read styles; read segments; write segments"
        ),
        "a message is postponed": "send chunks; send lessons",
        "the dispatcher may be first to set a bad message aside": (
            "send chunks-poison; send lessons-poison"
        ),
    },
    "stitcher": EVERYWHERE
    | {
        "a message is postponed": "send scored",
        "readings are scored, and a training publishes models": (
            "read readings; write predictions; list models; write models"
        ),
    },
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackWithRoles]:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in (QUICK | {"IMPASTO_CLUSTER": "queue"}).items():
            environment.setenv(name, value)
        with StackWithRoles(tmp_path_factory.mktemp("roles") / "stack") as stack:
            for service in ("splitter", "dispatcher", "scorer-1", "stitcher"):
                heartbeat = stack.heartbeat_of(service)
                eventually(lambda path=heartbeat: not why_not_ready(path), f"{service} to be ready")  # type: ignore[misc]
            for proxy in stack.proxies.values():
                proxy.forget_probes()
            yield stack


def drop(storage: Storage, clip: Path, blob: str) -> str:
    """Upload a video, and announce it as Event Grid does; its job."""
    etag = storage.container("input").write(blob, clip.read_bytes())
    event = BlobCreated.of(
        event_id="e-1",
        url=storage.container("input").url_of(blob),
        container="input",
        blob=blob,
        etag=etag,
        size=clip.stat().st_size,
        at=datetime.now(UTC),
    )
    storage.queue("arrivals").send(event)
    return event.job


def flat(rights: Rights) -> set[Right]:
    return {
        Right(kind, name, right)
        for kind, wanted in (("container", rights.containers), ("queue", rights.queues))
        for name, words in wanted.items()
        for right in words.split()
    }


def test_a_video_is_painted_and_bad_messages_are_set_aside(
    stack: StackWithRoles, clip: Path
) -> None:
    job = drop(stack.storage, clip, "pencil/clip.mp4")
    queues = [queue for consumed in CONSUMED.values() for queue in consumed]
    for queue in queues:
        stack.storage.queue(queue).send_text("nonsense")
    control = JobControl(stack.storage)
    eventually(
        lambda: control.status(job).ended if known(stack, job) else False, "it to end", within=240
    )
    assert control.status(job).state == "finished"
    for queue in queues:
        poison = stack.storage.poison(queue)
        eventually(lambda poison=poison: poison.count() == 1, f"nonsense in {poison.name}")  # type: ignore[misc]
    refused = {name: dict(proxy.refused) for name, proxy in stack.proxies.items()}
    assert refused == {name: {} for name in SERVICES}
    log = {name: lines(proxy) for name, proxy in stack.proxies.items()}
    stack.log_of("rights").write_text(json.dumps(log, indent=1))
    for name, proxy in stack.proxies.items():
        needed, used = flat(rights_needed_by(name)), set(proxy.used)
        assert used <= needed, f"the code of {name} needs more than it says"
        rare = {right for why in RARE[name] for right in RARE[name][why].split("; ")}
        assert {f"{right.right} {right.name}" for right in needed - used} <= rare, name
        assert rare <= {f"{right.right} {right.name}" for right in needed}, name


def lines(proxy: RoleProxy) -> list[str]:
    return [f"{right.right} {right.name}: {count}" for right, count in sorted(proxy.used.items())]


def known(stack: StackWithRoles, job: str) -> bool:
    return stack.storage.container("jobs").find(f"{job}/job.json") is not None


@pytest.mark.parametrize("service", SERVICES)
def test_one_right_less_is_missed_by_name(stack: StackWithRoles, service: str) -> None:
    """Each in turn, with the probes that the service itself makes at its start."""
    needed = rights_needed_by(service)
    for right in sorted(flat(needed)):
        with RoleProxy(stack.accounts, rights_of(service) - {right}) as proxy:
            missing = of_one(needed, right).missing(Storage(proxy.accounts.settings()))
        [sentence] = missing
        account = "impastomedia" if right.name in media_containers() else "impastowork"
        words = f"not allowed to {WORDS[right.right]} {right.name} in account {account}: "
        assert sentence.startswith(words), right


def of_one(rights: Rights, right: Right) -> Rights:
    """The rights to that container or queue alone."""
    if right.kind == "queue":
        return Rights(queues={right.name: rights.queues[right.name]})
    return Rights({right.name: rights.containers[right.name]})
