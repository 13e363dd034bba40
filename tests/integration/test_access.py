"""Missing rights are logged and waited for, and cost no message an attempt."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest
from azure.storage.blob import generate_account_sas
from pydantic import SecretStr
from structlog.testing import capture_logs
from structlog.typing import EventDict

from services.console.stack import SERVICES
from shared.errors import Forbidden, Unprepared
from shared.jobs import Jobs
from shared.messages import Poisoned, SegmentPlanned, decode
from shared.prepare import prepare
from shared.runtime.consumer import Consumer
from shared.runtime.heartbeat import note_ready, why_not_ready, why_stuck
from shared.runtime.stop import Stop
from shared.runtime.work import Route, Work
from shared.settings import Settings
from shared.storage import QUEUES, Storage
from tests.integration.conftest import JOB, PLANNED
from tests.support.azurite import Azurite
from tests.support.waiting import eventually

Lines = list[EventDict]


def parts_of(connection: SecretStr | None) -> dict[str, str]:
    assert connection
    return dict(part.split("=", 1) for part in connection.get_secret_value().split(";"))


def allowed(connection: SecretStr | None, rights: str) -> SecretStr:
    """The same account with these rights only, in the letters of a shared access signature."""
    parts = parts_of(connection)
    until = datetime.now(UTC) + timedelta(hours=1)
    signature = generate_account_sas(
        parts["AccountName"], parts["AccountKey"], "sco", rights, until, services="bq"
    )
    ends = ";".join(f"{end}={parts[end]}" for end in ("BlobEndpoint", "QueueEndpoint"))
    return SecretStr(f"{ends};SharedAccessSignature={signature}")


def with_rights(settings: Settings, rights: str) -> Settings:
    changes = {"work_connection": allowed(settings.work_connection, rights)}
    return settings.model_copy(update=changes)


def account_of(settings: Settings) -> str:
    return parts_of(settings.work_connection)["AccountName"]


@contextmanager
def running(worker: Consumer, stop: Stop) -> Iterator[Lines]:
    thread = threading.Thread(target=worker.run)
    with capture_logs() as logged:
        thread.start()
        try:
            yield logged
        finally:
            stop.request()
            thread.join()


def poisoned(storage: Storage) -> list[Poisoned]:
    return [decode(d.text, Poisoned) for d in storage.poison("segments").receive_all(1)]


def attempts(storage: Storage) -> list[int]:
    return [delivery.attempt for delivery in storage.queue("segments").receive_all(1)]


class Worked:
    """A consumer of `segments` whose handler is the test's."""

    def __init__(self, settings: Settings, act: Callable[[Work], None]) -> None:
        self.stop = Stop()
        self.started = 0

        def handle(message: SegmentPlanned, work: Work) -> None:
            self.started += 1
            act(work)

        route = Route("segments", SegmentPlanned, handle)
        self.worker = Consumer(Storage(settings), settings, self.stop, [route])


def test_a_refusal_names_the_operation_and_the_place(storage: Storage, settings: Settings) -> None:
    account = account_of(settings)
    poor = Storage(with_rights(settings, "l"))
    cases: list[tuple[Callable[[], object], str]] = [
        (lambda: poor.container("jobs").read("x"), "read from jobs"),
        (lambda: poor.container("jobs").find("x"), "read from jobs"),
        (lambda: poor.container("shards").write("x", b""), "write to shards"),
        (lambda: poor.container("shards").delete("x"), "delete from shards"),
        (lambda: poor.queue("chunks").send(PLANNED), "send to chunks"),
        (lambda: poor.queue("chunks").receive(5), "receive from chunks"),
        (lambda: poor.queue("chunks").count(), "count messages of chunks"),
    ]
    for deed, words in cases:
        with pytest.raises(Forbidden) as refusal:
            deed()
        assert f"not allowed to {words} in account {account}: " in str(refusal.value)
        assert "403" in str(refusal.value)
        assert "sig=" not in str(refusal.value)


def test_a_wrong_key_is_a_refusal(storage: Storage, settings: Settings) -> None:
    parts = parts_of(settings.work_connection)
    parts["AccountKey"] = parts["AccountKey"][::-1].strip("=") + "=="
    wrong = SecretStr(";".join(f"{key}={value}" for key, value in parts.items()))
    poor = Storage(settings.model_copy(update={"work_connection": wrong}))
    with pytest.raises(Forbidden, match="not allowed to write to jobs"):
        poor.container("jobs").write("x", b"")


def test_nothing_is_received_before_all_rights_are_there(
    storage: Storage, settings: Settings, tmp_path: Path
) -> None:
    heartbeat = tmp_path / "heartbeat"
    poor = with_rights(settings, "rlup").model_copy(update={"heartbeat": heartbeat})
    worked = Worked(poor, lambda work: None)
    storage.queue("segments").send(PLANNED)
    with running(worked.worker, worked.stop) as logged:
        eventually(lambda: [line for line in logged if line["event"] == "not ready"], "its word")
        assert "not ready" in (why_not_ready(heartbeat) or "")
    said = {str(line["why"]).partition(":")[0] for line in logged if line["event"] == "not ready"}
    account = account_of(settings)
    assert said == {
        f"not allowed to {words} in account {account}"
        for words in (
            "send to segments",
            "send to segments-poison",
            "write to shards",
            "write to jobs",
            "write to logs",
            "delete from logs",
        )
    }
    assert "write to jobs" in (why_not_ready(heartbeat) or "")
    assert worked.started == 0
    assert attempts(storage) == [1]
    assert storage.poison("segments").count() == 0


def test_probing_rights_changes_nothing(
    storage: Storage, settings: Settings, tmp_path: Path
) -> None:
    heartbeat = tmp_path / "heartbeat"
    own = settings.model_copy(update={"heartbeat": heartbeat})
    for name in (*SERVICES, "scorer"):
        assert import_module(f"services.{name}.service").RIGHTS.missing(storage) == []
    stop = Stop()
    with running(Consumer(storage, own, stop, []), stop):
        eventually(lambda: not why_not_ready(heartbeat), "it to be ready")
    assert [name for name in QUEUES if storage.queue(name).count()] == []
    for name in ("input", "jobs", "shards", "scored", "segments", "models", "output", "logs"):
        assert storage.container(name).under() == []


def test_a_refusal_within_a_handler_costs_no_attempt(storage: Storage, settings: Settings) -> None:
    """However often it is refused: the message is handled once that is allowed."""
    poor = Storage(with_rights(settings, "l"))
    refused = threading.Semaphore(0)
    go = threading.Event()

    def act(work: Work) -> None:
        assert work.attempt == 1
        if not go.is_set():
            refused.release()
            poor.container("shards").write("x", b"")

    worked = Worked(settings, act)
    storage.queue("segments").send(PLANNED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.runtime.settling.REFUSED_SECONDS", 0.1)
        with running(worked.worker, worked.stop) as logged:
            for _ in range(settings.max_attempts + 2):
                assert refused.acquire(timeout=60)
            go.set()
            eventually(lambda: storage.queue("segments").count() == 0, "it to be done")
    assert poisoned(storage) == []
    assert Jobs(storage).outcome(JOB) is None
    told = [line for line in logged if line["event"] == "not yet"]
    assert told
    assert "not allowed to write to shards" in told[0]["why"]
    assert len([line for line in logged if line["event"] == "storage refused"]) <= 1


def test_a_refusal_to_renew_the_lease_is_logged_and_stops_the_handler(
    storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all rights but to update messages."""
    poor = with_rights(settings, "rwdlacp").model_copy(update={"lease_seconds": 2})
    monkeypatch.setattr("shared.runtime.access.Access.check", lambda self: True)
    ended: list[BaseException] = []

    def act(work: Work) -> None:
        try:
            while True:
                work.check()
                threading.Event().wait(0.05)
        except Forbidden as error:
            ended.append(error)
            raise

    worked = Worked(poor, act)
    storage.queue("segments").send(PLANNED)
    with running(worked.worker, worked.stop) as logged:
        eventually(lambda: ended, "the work to end")
    assert "not allowed to renew a message's lease of segments" in str(ended[0])
    refusals = [line for line in logged if line["event"] in ("storage refused", "not yet")]
    assert any("renew a message's lease" in str(line) for line in refusals)
    assert storage.poison("segments").count() == 0


class TestMissingContainersAndQueues:
    """Only `impasto prepare` makes containers and queues."""

    def test_a_service_waits_for_them_and_logs_their_names(self, azurite: Azurite) -> None:
        settings = azurite.settings()
        storage = Storage(settings)
        worked = Worked(settings, lambda work: None)
        with running(worked.worker, worked.stop) as logged:
            eventually(lambda: [li for li in logged if li["event"] == "not ready"], "its word")
            with pytest.raises(Unprepared):
                storage.queue("segments").count()
            with pytest.raises(Unprepared):
                storage.container("jobs").under()
            said = [line["why"] for line in logged if line["event"] == "not ready"]
            account = account_of(settings)
            assert (
                f"the container jobs isn't in account {account}; `impasto prepare` makes it" in said
            )
            prepare(storage)
            storage.queue("segments").send(PLANNED)
            eventually(lambda: worked.started, "the message to be handled")
            eventually(lambda: storage.queue("segments").count() == 0, "it to be done")

    def test_a_queue_that_is_deleted_meanwhile_is_waited_for(
        self, storage: Storage, settings: Settings
    ) -> None:
        worked = Worked(settings, lambda work: None)
        with running(worked.worker, worked.stop) as logged:
            eventually(lambda: [li for li in logged if li["event"] == "ready"], "it to be ready")
            storage.queue("segments")._client.delete_queue()
            eventually(lambda: [li for li in logged if li["event"] == "not ready"], "its word")
            with pytest.raises(Unprepared):
                storage.queue("segments").count()
            prepare(storage)
            storage.queue("segments").send(PLANNED)
            eventually(lambda: worked.started, "the message to be handled")


def test_a_service_that_isnt_ready_has_a_heartbeat(
    tmp_path: Path,
) -> None:
    heartbeat = tmp_path / "heartbeat"
    heartbeat.touch()
    assert why_stuck(heartbeat) is None
    assert why_not_ready(heartbeat) == "not ready: it hasn't checked its rights yet"
    note_ready(heartbeat, [])
    assert why_not_ready(heartbeat) is None
