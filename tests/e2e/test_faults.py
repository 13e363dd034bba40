"""Videos are painted correctly although services are killed and messages lost or invalid."""

import os
import random
import signal
import threading
from pathlib import Path

import pytest

from services.console.stack import Stack
from shared.control.job_control import JobControl
from shared.messages import ChunkScored
from shared.storage import QUEUES
from tests.support.leftovers import assert_nothing_is_left
from tests.support.media import assert_same_but_for_the_picture, facts
from tests.support.processes import processes_of, worker_pids
from tests.support.waiting import eventually
from workloads.video import VIDEO

SERVICES = ("trigger", "splitter", "dispatcher", "stitcher", "batchai", "scorer")


def finish(control: JobControl, job: str, path: Path) -> Path:
    eventually(lambda: control.status(job).ended, "the job to end", within=240)
    status = control.status(job)
    assert status.state == "finished", status.reason
    assert status.output
    control.fetch(status, path)
    return path


def kill(stack: Stack, service: str) -> bool:
    pids = worker_pids(stack.data) if service == "scorer" else [stack.pids()[service]]
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
    return bool(pids)


def test_a_job_survives_services_killed_at_random_moments(
    stack: Stack, clip: Path, tmp_path: Path
) -> None:
    control = JobControl(stack.storage)
    job = control.submit(VIDEO, clip, "original/clip.mp4")
    ended = threading.Event()
    kills = 0

    def kill_at_random() -> None:
        nonlocal kills
        chance = random.Random(5)
        while kills < 10 and not ended.wait(chance.uniform(0.05, 0.6)):
            kills += kill(stack, chance.choice(SERVICES))

    thread = threading.Thread(target=kill_at_random)
    thread.start()
    try:
        output = finish(control, job, tmp_path / "output.mp4")
    finally:
        ended.set()
        thread.join()
    assert kills > 2
    assert_same_but_for_the_picture(output, clip)
    assert len(stack.storage.container("output").under()) == 1


@pytest.mark.parametrize("service", ["splitter", "dispatcher", "stitcher", "scorer"])
def test_a_job_survives_a_service_killed_while_it_handles_a_message(
    stack: Stack, clip: Path, tmp_path: Path, service: str
) -> None:
    control = JobControl(stack.storage)
    queue = {"splitter": "segments", "dispatcher": "shards", "scorer": "chunks"}.get(
        service, "scored"
    )
    job = control.submit(VIDEO, clip, "original/clip.mp4")
    eventually(lambda: stack.storage.queue(queue).count() > 0, f"messages in {queue}")
    eventually(lambda: kill(stack, service), f"a {service} to kill")
    assert_same_but_for_the_picture(finish(control, job, tmp_path / "output.mp4"), clip)


def test_a_job_survives_a_restart_of_azurite(stack: Stack, clip: Path, tmp_path: Path) -> None:
    control = JobControl(stack.storage)
    job = control.submit(VIDEO, clip, "original/clip.mp4")
    eventually(lambda: stack.storage.container("shards").under(), "the first frames")
    os.kill(stack.pids()["azurite"], signal.SIGTERM)
    assert_same_but_for_the_picture(finish(control, job, tmp_path / "output.mp4"), clip)


def test_a_killed_parent_of_azurite_leaves_no_azurite_running(
    stack: Stack, clip: Path, tmp_path: Path
) -> None:
    """Two Azurites would damage the files that they share."""
    control = JobControl(stack.storage)
    job = control.submit(VIDEO, clip, "original/clip.mp4")
    eventually(lambda: stack.storage.container("shards").under(), "the first frames")
    # If it is killed before it has written its first index, Azurite has lost the video.
    index = stack.data / "azurite" / "__azurite_db_blob__.json"
    eventually(lambda: index.exists() and "clip.mp4" in index.read_text(), "the video on the disk")
    os.kill(stack.pids()["azurite"], signal.SIGKILL)
    assert_same_but_for_the_picture(finish(control, job, tmp_path / "output.mp4"), clip)
    servers = [line for line in processes_of(stack.data) if "azurite.js" in line]
    assert len(servers) == 1


def test_temporary_files_of_a_killed_service_are_deleted(stack: Stack) -> None:
    """When the service is restarted, or else when the stack ends."""
    before = stack.pids()["stitcher"]
    half_done = stack.scratch_of("stitcher") / "impasto-stitcher-1"
    half_done.mkdir()
    os.kill(before, signal.SIGKILL)
    eventually(lambda: stack.pids()["stitcher"] != before, "another stitcher")
    assert not half_done.exists()
    half_done.mkdir()
    stack.close()
    assert not half_done.exists()


def test_replay_replaces_lost_messages(stack: Stack, clip: Path, tmp_path: Path) -> None:
    """When it is killed, Azurite loses its most recent writes."""
    control = JobControl(stack.storage)
    job = control.submit(VIDEO, clip, "original/clip.mp4")
    eventually(lambda: stack.storage.container("shards").under(), "the first frames")
    for name in QUEUES:
        for delivery in stack.storage.queue(name).receive_all(60):
            delivery.done()
    control.replay()
    assert_same_but_for_the_picture(finish(control, job, tmp_path / "output.mp4"), clip)


def test_invalid_messages_go_to_poison_and_stop_no_service(
    stack: Stack, clip: Path, tmp_path: Path
) -> None:
    before = stack.pids()
    control = JobControl(stack.storage)
    job = control.submit(VIDEO, clip, "original/clip.mp4")
    each = 40
    chance = random.Random(3)
    for name in QUEUES:
        for n in range(each):
            invalid = chance.choice(["{}", "=", "é", "AAAA", "bm90IGpzb24=", f"x{n}", "W10="])
            stack.storage.queue(name).send_text(invalid)
    assert_same_but_for_the_picture(finish(control, job, tmp_path / "output.mp4"), clip)
    for name in QUEUES:
        box = stack.storage.poison(name)
        eventually(lambda box=box: box.count() >= each, f"all invalid messages in {name}-poison")  # type: ignore[misc]
        assert box.count() == each
        box.clear()
    assert stack.pids() == before


def test_late_and_repeated_messages_are_ignored(stack: Stack, clip: Path, tmp_path: Path) -> None:
    control = JobControl(stack.storage)
    job = control.submit(VIDEO, clip, "original/clip.mp4")
    finish(control, job, tmp_path / "first.mp4")
    etag = stack.storage.container("output").under()[0].etag
    control.retry(job)
    for chunk in range(3):
        late = ChunkScored(trace="t", job=job, segment=0, chunk=chunk)
        stack.storage.queue("scored").send(late)
    assert_nothing_is_left(stack.storage)
    assert [blob.etag for blob in stack.storage.container("output").under()] == [etag]
    assert facts(tmp_path / "first.mp4").times == facts(clip).times
