"""The roles of deploy/azure are enough for each service, and a service uses what they are for.

Each runs behind a proxy of its own that allows what its roles allow, by method and path: as
processes of a stack for the usual work, and alone for what happens rarely.
"""

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.console.accounts import Accounts
from services.dispatcher.service import Dispatcher
from services.scorer.killed_attempts import lost_cpu
from shared import names
from shared.arrivals import event_of
from shared.clusters.queue.backend import Replicas
from shared.clusters.settings import WorkerSettings
from shared.clusters.state import WorkerState
from shared.control.job_control import JobControl
from shared.errors import ClusterError, Missing
from shared.jobs import Jobs
from shared.messages import ChunkPlanned
from shared.rights import Rights
from shared.runtime.heartbeat import why_not_ready
from shared.storage import Storage
from shared.workloads import media_containers
from tests.support.assets import VGG
from tests.support.media import make_clip
from tests.support.readings_commands import readings
from tests.support.role_proxy import (
    Right,
    RoleProxy,
    StackWithRoles,
    flat,
    rights_of,
    storage_alone,
)
from tests.support.service_by_role import (
    CONSUMED,
    FIRST,
    Scene,
    no_room,
    renamed_folder,
    until_told_to_leave,
)
from tests.support.stacks import QUICK, ROOT
from tests.support.waiting import eventually
from tests.unit.test_azure_roles import rights_needed_by

SERVICES = ("splitter", "dispatcher", "scorer", "stitcher")
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
QUICKER = {
    **QUICK,
    "IMPASTO_CLUSTER": "queue",
    "IMPASTO_SEGMENTS_AHEAD": "1",  # so that the dispatcher asks for a video's next segment
    "IMPASTO_LOG_METRICS_SECONDS": "2",
    "IMPASTO_READINGS_SHARD_MIB": "0.01",
    "IMPASTO_VGG_WEIGHTS": str(VGG),
    "IMPASTO_LEARNING_STEPS": "2",
}
#: What only a painting that is really learnt uses; VGG16's weights aren't part of the project.
LEARNING = {"write segments", "write models"} if not VGG.exists() else set()
HOUR, TRAINED = "2026-06-02T12", "2026-06-02T11"
#: By service, all that it did in the tests of this file.
USED: dict[str, set[Right]] = {name: set() for name in SERVICES}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackWithRoles]:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in QUICKER.items():
            environment.setenv(name, value)
        with StackWithRoles(tmp_path_factory.mktemp("roles") / "stack") as stack:
            for service in ("splitter", "dispatcher", "scorer-1", "stitcher"):
                heartbeat = stack.heartbeat_of(service)
                eventually(lambda path=heartbeat: not why_not_ready(path), f"{service} to be ready")  # type: ignore[misc]
            for proxy in stack.proxies.values():
                proxy.forget_probes()
            yield stack


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    with storage_alone(tmp_path_factory.mktemp("alone")) as accounts:
        yield accounts


def announced_by_event_grid(storage: Storage, container: str, blob: str, data: bytes) -> str:
    """Upload a blob, and announce it as Event Grid does; its job."""
    place = storage.container(container)
    event = event_of(place, blob, place.write(blob, data), len(data))
    storage.queue("arrivals" if container == "input" else "lessons").send(event)
    return event.job


def end_of(stack: StackWithRoles, job: str) -> str:
    control = JobControl(stack.storage)

    def ended() -> str | None:
        with suppress(Missing):
            status = control.status(job)
            return status.state if status.ended else None
        return None

    return str(eventually(ended, f"the end of {job}", within=240))


def assert_nothing_was_refused(stack: StackWithRoles) -> None:
    assert {name: dict(proxy.refused) for name, proxy in stack.proxies.items()} == {
        name: {} for name in SERVICES
    }


def test_a_video_is_painted_and_bad_messages_are_set_aside(
    stack: StackWithRoles, clip: Path
) -> None:
    job = announced_by_event_grid(stack.storage, "input", "pencil/clip.mp4", clip.read_bytes())
    queues = [queue for consumed in CONSUMED.values() for queue in consumed]
    for queue in queues:
        stack.storage.queue(queue).send_text("nonsense")
    assert end_of(stack, job) == "finished"
    for queue in queues:
        poison = stack.storage.poison(queue)
        eventually(lambda poison=poison: poison.count() == 1, f"nonsense in {poison.name}")  # type: ignore[misc]
    assert_nothing_was_refused(stack)


def test_a_video_waits_for_a_painting_that_is_learnt(stack: StackWithRoles, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=1, size="96x64")
    painting = (ROOT / "deploy/sample/ejiri.jpg").read_bytes()
    if not VGG.exists():
        painting = painting[:5000]  # it is refused
    lesson = announced_by_event_grid(stack.storage, "styles", "ejiri.jpg", painting)
    job = announced_by_event_grid(stack.storage, "input", "ejiri/clip.mp4", clip.read_bytes())
    expected = "finished" if VGG.exists() else "refused"
    assert end_of(stack, lesson) == expected
    assert end_of(stack, job) == expected
    assert_nothing_was_refused(stack)


def test_a_folder_of_paintings_and_a_style_that_there_is_not(
    stack: StackWithRoles, clip: Path
) -> None:
    styles = stack.storage.container("styles")
    lesson = event_of(styles, "dutch/a.jpg", styles.write("dutch/a.jpg", b"no picture"), 10)
    stack.storage.queue("lessons").send(renamed_folder(lesson))
    job = announced_by_event_grid(stack.storage, "input", "harvest/a.mp4", clip.read_bytes())
    assert end_of(stack, job) == "refused"
    assert end_of(stack, lesson.job) == "refused"
    assert_nothing_was_refused(stack)


def test_devices_get_models_and_their_readings_are_scored(
    stack: StackWithRoles, tmp_path: Path
) -> None:
    labels = str(tmp_path / "labels.jsonl")
    simulated = ["--devices", "10", "--hours", "6", "--last", HOUR, "--labels", labels]
    readings(stack.accounts, "simulate", *simulated)
    readings(stack.accounts, "train", "--hours", "5", "--last", TRAINED, "--wait")
    readings(stack.accounts, "score", "--window", HOUR, "--wait")
    assert stack.storage.container("predictions").find("2026/06/02/12.parquet")
    assert_nothing_was_refused(stack)


def test_the_dispatcher_measures_every_queue_for_the_alerts(stack: StackWithRoles) -> None:
    used = stack.proxies["dispatcher"].used
    wanted = {Right("queue", name, "peek") for consumed in CONSUMED.values() for name in consumed}
    eventually(lambda: wanted <= set(used), "the dispatcher to have looked at all queues")
    assert_nothing_was_refused(stack)


@pytest.mark.parametrize(
    ("service", "queue"), [(service, queue) for service in SERVICES for queue in CONSUMED[service]]
)
def test_a_right_that_is_taken_away_is_missed_by_name_and_no_message_is_lost(
    alone: Accounts, tmp_path: Path, service: str, queue: str
) -> None:
    with Scene(service, alone, tmp_path) as scene, scene.running():
        job, message = scene.message_of_ended_job(queue)
        with scene.proxy.without(FIRST):
            scene.storage.queue(queue).send(message)
            why = str(eventually(scene.why_not_ready, f"{service} to miss it"))
            assert "not allowed to read from jobs in account impastowork: " in why
            assert len(scene.leftovers(job)) == 3
        eventually(lambda: not scene.leftovers(job), "what is left of the job to be deleted")
        assert scene.why_not_ready() is None
        scene.storage.queue(queue).send_text("nonsense")
        eventually(lambda: scene.storage.queue(queue).count() == 0, "the queue to be empty")
        assert scene.storage.poison(queue).count() == 1
    assert set(scene.proxy.refused) == {FIRST}
    USED[service] |= set(scene.proxy.used)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_leave_and_may_wait_for_room(
    alone: Accounts, tmp_path: Path, service: str
) -> None:
    with Scene(service, alone, tmp_path) as scene:
        queue = scene.queues[-1]
        notes, waits = scene.storage.container("logs"), scene.storage.container("shards")
        job, message = scene.message_of_ended_job(queue)
        scene.storage.queue(queue).send(message)
        entered = threading.Event()
        with scene.handling(queue, until_told_to_leave(entered)):
            assert entered.wait(60)
        assert len(notes.under(f"handed-back/{queue}/")) == 1
        with scene.handling(queue, lambda message, work: None):
            eventually(lambda: scene.storage.queue(queue).count() == 0, "it to be handled")
        assert notes.under(f"handed-back/{queue}/") == []
        scene.storage.queue(queue).send(message)
        with scene.handling(queue, no_room):
            eventually(lambda: waits.find(names.wait_record(job)), "the wait to be noted")
        scene.storage.queue(queue).clear()
    assert not scene.proxy.refused
    USED[service] |= set(scene.proxy.used)


class NoCluster(Replicas):
    def refresh(self) -> list[WorkerState]:
        raise ClusterError("Azure Machine Learning refused: no quota")


def test_the_dispatcher_may_fail_the_jobs_that_no_worker_will_do(
    alone: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.dispatcher.service.RECONCILE_SECONDS", 0)
    with Scene("dispatcher", alone, tmp_path) as scene:
        settings = scene.settings(node_seconds=1, job_log_days=1)
        assert isinstance(settings, WorkerSettings)
        storage, jobs = Storage(settings), Jobs(scene.storage)
        waiting = {}
        for queue in ("chunks", "lessons"):
            job, message = scene.message_of_ended_job(queue)
            jobs.reopen(job)
            scene.storage.queue(queue).send_text("nonsense")
            scene.storage.queue(queue).send(message)
            waiting[queue] = job
        before = {queue: scene.storage.poison(queue).count() for queue in waiting}
        ahead = iter([timedelta(0), *[timedelta(hours=1)] * 20])
        now = datetime.now(UTC)
        dispatcher = Dispatcher(storage, NoCluster(1), settings, lambda: now + next(ahead))
        for _ in range(3):
            dispatcher.reconcile()
        for queue, job in waiting.items():
            outcome = jobs.outcome(job)
            assert outcome
            assert outcome.state == "failed"
            assert scene.storage.queue(queue).count() == 0
            assert scene.storage.poison(queue).count() == before[queue] + 1
    assert not scene.proxy.refused
    USED["dispatcher"] |= set(scene.proxy.used)


def test_a_scorer_may_see_what_killed_attempts_used(alone: Accounts, tmp_path: Path) -> None:
    with Scene("scorer", alone, tmp_path) as scene:
        _, chunk = scene.message_of_ended_job("chunks")
        assert isinstance(chunk, ChunkPlanned)
        scene.storage.container("logs").write(f"{chunk.job}/scorer-1.jsonl", b"{}\n")
        assert lost_cpu(Storage(scene.settings()), chunk) == 0
    assert not scene.proxy.refused
    USED["scorer"] |= set(scene.proxy.used)


@pytest.mark.parametrize("service", SERVICES)
def test_no_right_is_unused(stack: StackWithRoles, service: str) -> None:
    """After all tests above."""
    proxy = stack.proxies[service]
    needed, used = flat(rights_needed_by(service)), USED[service] | set(proxy.used)
    stack.log_of(f"rights-of-{service}").write_text(
        "".join(f"{each.right} {each.name}\n" for each in sorted(used))
    )
    assert used - needed == set(), f"the code of {service} needs more than it says"
    unused = {f"{right.right} {right.name}" for right in needed - used}
    assert unused <= (LEARNING if service == "scorer" else set())


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
