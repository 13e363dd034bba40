"""`impasto up`, and the commands that work with a running stack."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from services.console import accounts
from services.console.stack import Stack
from shared.errors import Misconfigured
from shared.storage import Storage
from tests.support.leftovers import assert_nothing_is_left
from tests.support.media import assert_same_but_for_the_picture, make_clip
from tests.support.processes import processes_of, worker_pids
from tests.support.stacks import Up, impasto, lines
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    up = Up(tmp_path_factory.mktemp("up") / "data")
    yield up
    up.kill()


@pytest.fixture
def storage(up: Up) -> Storage:
    known = accounts.read(up.data)
    assert known
    return Storage(known.settings())


@pytest.fixture(autouse=True)
def nothing_is_left(up: Up, storage: Storage) -> Iterator[None]:
    yield
    assert_nothing_is_left(storage)


def test_a_video_dropped_with_azures_sdk_is_painted(up: Up, clip: Path, tmp_path: Path) -> None:
    connection = next(line.strip() for line in up.output().splitlines() if "BlobEndpoint" in line)
    service = BlobServiceClient.from_connection_string(connection)
    name = "original/våcation 1.mp4"
    with clip.open("rb") as file:
        service.get_blob_client("input", name).upload_blob(file)
    output = service.get_blob_client("output", name)
    eventually(output.exists, "the output", within=120)
    path = tmp_path / "output.mp4"
    path.write_bytes(output.download_blob().readall())
    assert_same_but_for_the_picture(path, clip)
    service.close()


def test_submit_watch_and_jobs_show_a_job_to_its_end(up: Up, clip: Path) -> None:
    submitted = impasto("submit", clip, "--style", "original", "--data", up.data, "--json")
    [line] = lines(submitted)
    job = line["job"]
    watched = impasto("watch", job, "--data", up.data, "--json")
    assert watched.returncode == 0, watched.stderr
    [status] = lines(watched)
    assert (status["state"], status["items"], status["output"]) == (
        "finished",
        100,
        "original/clip.mp4",
    )
    listed = {
        status["job"]: status for status in lines(impasto("jobs", "--data", up.data, "--json"))
    }
    assert listed[job]["state"] == "finished"


def test_the_record_of_a_refused_video_has_the_reason(
    up: Up, storage: Storage, tmp_path: Path
) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    [line] = lines(impasto("submit", text, "--style", "original", "--data", up.data, "--json"))
    watched = impasto("watch", line["job"], "--data", up.data, "--json")
    assert watched.returncode == 1
    record = json.loads(storage.container("jobs").read(f"{line['job']}/outcome.json"))
    assert record["state"] == "refused"
    assert record["reason"] == lines(watched)[0]["reason"]


def test_a_video_in_a_folder_that_names_no_style_is_refused(up: Up, storage: Storage) -> None:
    storage.container("input").write("cubism/a.mp4", b"x")
    statuses = eventually(
        lambda: [s for s in all_jobs(up) if s["source"] == "cubism/a.mp4" and s["reason"]],
        "the refusal",
    )
    assert statuses[0]["reason"].startswith("no model is called 'cubism'; there are ")


def all_jobs(up: Up) -> list[dict[str, str]]:
    return lines(impasto("jobs", "--data", up.data, "--json"))


def test_cancel_ends_a_job_and_deletes_its_intermediates(
    up: Up, storage: Storage, tmp_path: Path
) -> None:
    long = make_clip(tmp_path / "long.mp4", seconds=20, size="640x360", tracks=())
    [line] = lines(impasto("submit", long, "--style", "great-wave", "--data", up.data, "--json"))
    job = line["job"]
    eventually(lambda: storage.container("scored").under(f"{job}/"), "something scored")
    [status] = lines(impasto("cancel", job, "--data", up.data, "--json"))
    assert status["state"] == "cancelled"
    assert impasto("watch", job, "--data", up.data).returncode == 1
    assert_nothing_is_left(storage)


def test_poison_is_listed_shown_requeued_and_purged(up: Up, storage: Storage) -> None:
    storage.queue("segments").send_text("!!! not base64")
    entries = eventually(
        lambda: lines(impasto("poison", "list", "--data", up.data, "--json")), "the poison"
    )
    [entry] = entries
    assert entry["queue"] == "segments"
    assert "base64" in entry["reason"]
    shown = json.loads(impasto("poison", "show", entry["id"], "--data", up.data, "--json").stdout)
    assert shown["body"] == "!!! not base64"
    [requeued] = lines(impasto("poison", "requeue", entry["id"], "--data", up.data, "--json"))
    assert requeued == {"requeued": 1}
    again = eventually(
        lambda: lines(impasto("poison", "list", "--data", up.data, "--json")),
        "the message in poison again",
    )
    assert again[0]["id"] != entry["id"]
    assert impasto("poison", "purge", "--data", up.data).returncode == 2
    [purged] = lines(impasto("poison", "purge", "--all", "--data", up.data, "--json"))
    assert purged == {"purged": 1}
    assert lines(impasto("poison", "list", "--data", up.data, "--json")) == []


def test_unknown_jobs_and_messages_are_errors(up: Up) -> None:
    for arguments in (["watch", "nope"], ["cancel", "nope"], ["poison", "show", "nope"]):
        result = impasto(*arguments, "--data", up.data)
        assert result.returncode == 2
        assert "nope" in result.stderr


def test_a_second_stack_in_a_folder_is_refused(up: Up) -> None:
    with pytest.raises(Misconfigured, match="already up"), Stack(up.data, nodes=1):
        pass


def test_commands_without_a_stack_say_that_none_is_up(tmp_path: Path) -> None:
    result = impasto("jobs", "--data", tmp_path)
    assert result.returncode == 2
    assert "no stack was ever up" in result.stderr


def test_after_ctrl_c_the_next_up_continues_the_jobs(tmp_path: Path, clip: Path) -> None:
    data = tmp_path / "data"
    first = Up(data)
    known = accounts.read(data)
    assert known
    storage = Storage(known.settings())
    [line] = lines(impasto("submit", clip, "--style", "original", "--data", data, "--json"))
    eventually(lambda: storage.container("shards").under(), "the first frames")
    assert first.ctrl_c() == 0
    assert processes_of(data) == []
    second = Up(data)
    watched = impasto("watch", line["job"], "--data", data, "--json")
    assert watched.returncode == 0, watched.stderr
    output = tmp_path / "output.mp4"
    storage.container("output").download("original/clip.mp4", output)
    assert_same_but_for_the_picture(output, clip)
    assert_nothing_is_left(storage)
    assert second.ctrl_c() == 0
    assert processes_of(data) == []


def test_a_killed_stack_leaves_nothing_running(tmp_path: Path) -> None:
    up = Up(tmp_path / "data")
    up.kill()
    eventually(lambda: processes_of(tmp_path / "data") == [], "all processes to be gone")


def test_a_stack_killed_with_busy_workers_leaves_nothing_running(
    tmp_path: Path, clip: Path
) -> None:
    up = Up(tmp_path / "data")
    impasto("submit", clip, "--style", "great-wave", "--data", up.data)
    eventually(lambda: worker_pids(up.data), "a worker")
    up.kill()
    eventually(lambda: processes_of(tmp_path / "data") == [], "all processes to be gone")
