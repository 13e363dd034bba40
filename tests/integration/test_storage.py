"""Blobs, claims and records, against a real Azurite."""

import threading
from datetime import UTC, datetime

import pytest
from azure.storage.blob import ContainerClient
from pydantic import SecretStr

from shared import blobs
from shared.control.job_control import JobControl
from shared.errors import Changed, Misconfigured, Missing, Refused, Taken
from shared.jobs import Jobs
from shared.models import Model, Models
from shared.names import check_blob_name, segment_blob, segment_record, shard_blob
from shared.prepare import prepare
from shared.records import Job, Result, Segment, Source, Span
from shared.settings import Settings
from shared.storage import API_VERSION, Storage
from tests.support.azurite import Azurite
from tests.support.waiting import eventually

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def job(name: str = "holiday-0123456789ab", **changes: object) -> Job:
    source = Source(container="input", blob="great-wave/holiday.mp4", etag="0x1", size=1)
    spans = [Span(start=0, stop=10, items=10), Span(start=10, stop=15, items=5)]
    plain = Job(job=name, trace="t", source=source, model="great-wave", created=NOW, segments=spans)
    return plain.model_copy(update=changes)


ODD_NAMES = [
    "great-wave/ünï çødé 影.mp4",
    "a#b?c%20d&e+f.mp4",
    "a/" + "x" * 1022,
    "..a/b../...mp4",
    "~tilde/'quote\".mp4",
    "cafe\u0301.mp4",
    "café.mp4",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_blobs_may_have_odd_names(storage: Storage, name: str) -> None:
    container = storage.container("input")
    etag = container.write(check_blob_name(name), name.encode(), {"style": "great-wave"})
    [listed] = container.under()
    assert (listed.name, listed.etag, listed.metadata) == (name, etag, {"style": "great-wave"})
    assert container.read(name) == name.encode()
    assert container.find(name) == listed


def test_a_name_with_dots_for_folders_is_refused() -> None:
    with pytest.raises(Refused, match=r"'\.\.' folder"):
        check_blob_name("a/../../output/secret.mp4")


def test_write_once_replaces_nothing(storage: Storage) -> None:
    container = storage.container("jobs")
    assert container.write_once("a", b"first")
    assert not container.write_once("a", b"second")
    assert container.read("a") == b"first"


def test_a_folder_is_deleted_whole_in_few_requests(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "BATCH", 3)
    container = storage.container("shards")
    for number in range(7):
        container.write(f"job/ünï {number}.tar", b"a shard")
    container.write("job-of-others/0.tar", b"a shard")
    container.delete_all("job/")
    container.delete_all("job/")  # of nothing
    assert [blob.name for blob in container.under()] == ["job-of-others/0.tar"]


@pytest.fixture
def by_another_name(npm_azurite: Azurite) -> Storage:
    """Storage under a host name that the SDK doesn't know as local, as `azurite` in Compose."""
    settings = npm_azurite.settings()
    # The SDK compares names case-sensitively; resolvers and Azurite don't.
    there = {
        name: SecretStr(account.get_secret_value().replace("//127.0.0.1:", "//LOCALHOST:"))
        for name in ("media_connection", "work_connection")
        if (account := getattr(settings, name))
    }
    storage = Storage(settings.model_copy(update=there))
    prepare(storage)
    return storage


def test_a_folder_is_deleted_where_the_account_is_in_the_path(by_another_name: Storage) -> None:
    container = by_another_name.container("shards")
    assert not ContainerClient.from_container_url(container.url)._is_localhost
    for number in range(3):
        container.write(f"job/ünï {number}.tar", b"a shard")
    container.write("job-of-others/0.tar", b"a shard")
    container.delete_all("job/")
    assert [blob.name for blob in container.under()] == ["job-of-others/0.tar"]


def test_a_folder_is_deleted_where_a_batch_is_refused_as_a_whole(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "BATCH", 260)  # storage takes 256 at once
    container = storage.container("shards")
    for number in range(260):
        container.write(f"job/{number}.tar", b"")
    container.delete_all("job/")
    assert container.under() == []


def test_a_blob_that_cant_be_deleted_raises(storage: Storage) -> None:
    container = storage.container("shards")
    container.write("job/0.tar", b"a shard")
    container.write("job/1.tar", b"a shard")
    with container.claim("job/1.tar"), pytest.raises(Changed):
        container.delete_all("job/")
    assert [blob.name for blob in container.under()] == ["job/1.tar"]


def test_missing_blobs(storage: Storage) -> None:
    container = storage.container("jobs")
    assert container.find("nothing") is None
    assert container.delete("nothing") is False
    with pytest.raises(Missing):
        container.read("nothing")


def test_a_blob_as_a_file(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.ranged.RANGE_BYTES", 1000)
    container = storage.container("input")
    data = bytes(n % 251 for n in range(12_345))
    etag = container.write("a", data)
    with container.open("a", etag, len(data)) as file:
        assert file.read() == data
        assert file.read() == b""
        for start in (0, 999, 1000, 5500, 12_344):
            file.seek(start)
            assert file.read(1500) == data[start : start + 1500]
        file.seek(-5, 2)
        assert file.read() == data[-5:]


def test_a_blob_replaced_while_it_is_read_is_noticed(storage: Storage) -> None:
    container = storage.container("input")
    etag = container.write("a", b"old")
    container.write("a", b"new")
    with container.open("a", etag, 3) as file, pytest.raises(Changed):
        file.read()


def test_a_claim_keeps_others_out_until_it_is_released(storage: Storage) -> None:
    container = storage.container("jobs")
    container.write("a", b"")
    with container.claim("a"), pytest.raises(Taken), container.claim("a"):
        pass
    with container.claim("a"):
        assert not container.write_once("a", b"other")


def test_one_of_many_gets_the_claim(storage: Storage) -> None:
    container = storage.container("jobs")
    container.write("a", b"")
    everyone_asked, got = threading.Barrier(6), []

    def race() -> None:
        try:
            with container.claim("a"):
                got.append(True)
                everyone_asked.wait(30)
        except Taken:
            everyone_asked.wait(30)

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [True]


def test_a_job_begins_once(storage: Storage) -> None:
    jobs = Jobs(storage)
    first = jobs.begin(job())
    assert jobs.begin(job(trace="later")) == first == jobs.job(first.job)


def test_progress_is_shown_shard_by_shard(storage: Storage) -> None:
    """A chunk may take half a minute."""
    jobs, control = Jobs(storage), JobControl(storage)
    name = jobs.begin(job()).job
    jobs.add_segment(Segment(job=name, segment=0, items=10, shards=2))
    for shard, items in enumerate((7, 3)):
        before = control.status(name).scored
        assert jobs.add_scored(shard_blob(name, 0, shard), b"shard", items)
        assert control.status(name).scored == before + items
    status = control.status(name)
    assert (status.items, status.split, status.scored, status.stitched) == (15, 10, 10, 0)
    jobs.segments.write(segment_blob(name, 0), b"segment")
    assert control.status(name).stitched == 10


def test_a_finished_job_doesnt_fail_afterwards(storage: Storage) -> None:
    jobs = Jobs(storage)
    name = jobs.begin(job()).job
    result = Result(job=name, source="s", output="o", items=1, created=NOW, finished=NOW)
    jobs.finish(result)
    jobs.fail(name, "s", "failed", "r")
    assert jobs.outcome(name) == result


def test_late_work_of_a_cancelled_job_is_swept(storage: Storage) -> None:
    jobs = Jobs(storage)
    name = jobs.begin(job()).job
    jobs.fail(name, "s", "cancelled", "r")
    jobs.scored.write(f"{name}/00000/0000.tar", b"late")
    assert jobs.ended(name)
    assert len(jobs.scored.under()) == 1  # the question deletes nothing
    assert jobs.sweep_if_ended(name)
    assert jobs.scored.under() == []


def test_late_work_of_a_finished_job_is_swept_unless_it_is_kept(storage: Storage) -> None:
    jobs = Jobs(storage)
    name = jobs.begin(job()).job
    jobs.finish(Result(job=name, source="s", output="o", items=1, created=NOW, finished=NOW))
    jobs.shards.write(f"{name}/00000/0000.tar", b"late")
    for keep, left in ((True, 1), (False, 0)):
        storage.keep_intermediates = keep
        assert jobs.sweep_if_ended(name)
        assert len(jobs.shards.under()) == left


def test_a_failed_jobs_work_is_kept_for_another_try(storage: Storage) -> None:
    jobs = Jobs(storage)
    name = jobs.begin(job()).job
    jobs.scored.write(f"{name}/00000/0000.tar", b"good")
    jobs.fail(name, "s", "failed", "r")
    assert jobs.sweep_if_ended(name)
    assert len(jobs.scored.under()) == 1
    jobs.reopen(name)
    assert not jobs.sweep_if_ended(name)


def test_an_old_service_reads_a_newer_ones_record(storage: Storage) -> None:
    jobs = Jobs(storage)
    newer = job().model_dump_json().replace('"model"', '"brand_new": 1, "model"')
    jobs.records.write(f"{job().job}/job.json", newer.encode())
    assert jobs.job(job().job) == job()


def test_a_record_may_be_claimed(storage: Storage) -> None:
    jobs = Jobs(storage)
    jobs.records.write(segment_record(job().job, 0), b"{}")
    with jobs.records.claim(segment_record(job().job, 0)):
        pass


def test_models_are_required_by_name(storage: Storage) -> None:
    models = Models(storage)
    wave = Model("great-wave", "painter", b"weights")
    models.publish(wave)
    models.publish(Model("original", "original", b""))
    assert models.require("great-wave").metadata["version"] == wave.version
    assert models.load("great-wave") == wave
    with pytest.raises(Refused, match="no model is called 'monet'; there are great-wave, original"):
        models.require("monet")
    with pytest.raises(Refused, match=r"'gre\\u0430t-wave'"):
        models.require("greаt-wave")


def test_each_version_of_a_model_is_kept_until_it_is_removed(storage: Storage) -> None:
    models = Models(storage)
    old, new = Model("wave", "painter", b"old"), Model("wave", "painter", b"new")
    for model in (old, new, new):
        models.publish(model)
    assert models.load("wave") == new
    assert {b.metadata["version"] for b in models.versions("wave")} == {old.version, new.version}
    models.use("wave", old.version)
    assert models.load("wave") == old
    with pytest.raises(Missing, match="no version 'abc'"):
        models.use("wave", "abc")
    models.remove("wave")
    assert models.names() == []
    assert storage.container("models").under() == []


def test_prepare_makes_what_is_missing(storage: Storage) -> None:
    prepare(storage)  # again: idempotent
    assert storage.queue("arrivals").count() == 0


def test_a_missing_account_names_the_settings() -> None:
    with pytest.raises(Misconfigured, match="IMPASTO_MEDIA_CONNECTION or IMPASTO_MEDIA_URL"):
        Storage(Settings(_env_file=None))


def test_urls_log_in_with_an_identity() -> None:
    storage = Storage(
        Settings(
            _env_file=None,
            media_url="https://media.blob.core.windows.net",
            work_url="https://work.blob.core.windows.net",
        )
    )
    assert storage.container("input").url.startswith("https://media.blob.")
    assert storage.container("jobs").url.startswith("https://work.blob.")
    assert storage.queue("chunks").url.startswith("https://work.queue.")


def test_every_request_has_a_version_that_azurite_supports(storage: Storage) -> None:
    assert API_VERSION <= "2025-11-05"
    assert storage.queue("chunks").count() == 0


def test_secrets_dont_show(storage: Storage) -> None:
    settings = Settings(_env_file=None, work_connection=SecretStr("AccountKey=abc"))
    assert "abc" not in repr(settings)


def test_receive_all_ends_on_a_long_queue(storage: Storage) -> None:
    """Even if its first messages are visible again before the last are received."""
    queue = storage.queue("chunks")
    for n in range(40):
        queue.send_text(f"message {n}")
    slow = []
    for delivery in queue.receive_all(hidden_seconds=1):
        slow.append(delivery.text)
        if len(slow) % 32 == 0:
            eventually(lambda: queue.receive(1) is not None, "the first to be back")
    assert len(set(slow)) == len(slow)
