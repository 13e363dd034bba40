"""A stack in containers: networks, privileges, crashes, replicas, upgrades, shutdown."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from tests.containers.compose import ROOT, TAG, Compose, Container, done_by, stand_ins
from tests.support.leftovers import assert_nothing_is_left
from tests.support.media import assert_same_but_for_the_picture
from tests.support.waiting import eventually

SERVICES = ("batchai", "trigger", "splitter", "dispatcher", "stitcher")
#: The revision of the old version in the test of an upgrade.
BEFORE = "377ecd8"


def frames_of(compose: Compose, job: str) -> int:
    return len(compose.storage.container("shards").under(f"{job}/"))


def test_only_storage_and_batch_ai_publish_ports_and_only_on_loopback(compose: Compose) -> None:
    for container in compose.containers():
        service = container.labels["com.docker.compose.service"]
        published = [place for places in container.ports.values() for place in places or []]
        assert {place["HostIp"] for place in published} <= {"127.0.0.1"}
        assert bool(published) == (service in ("azurite", "batchai"))


def test_only_workers_reach_the_internet(compose: Compose) -> None:
    for service in ("azurite", *SERVICES):
        routes = compose.container(service).exec_run(["cat", "/proc/net/route"]).output.decode()
        ways_out = [line for line in routes.splitlines() if line.split()[1] == "00000000"]
        assert bool(ways_out) == (service in ("azurite", "batchai"))
    published = compose.network("published")
    assert published.attrs["Options"]["com.docker.network.bridge.enable_ip_masquerade"] == "false"
    [only] = published.containers
    assert only.labels["com.docker.compose.service"] == "azurite"


def test_services_are_read_only_and_without_capabilities(compose: Compose) -> None:
    for service in SERVICES:
        container = compose.container(service)
        assert container.exec_run(["touch", "/code/new"]).exit_code != 0
        assert container.exec_run(["touch", "/tmp/new"]).exit_code == 0
        host = container.attrs["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["Memory"]
        assert host["PidsLimit"]
        assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}


def test_a_video_dropped_with_azures_sdk_is_painted(
    compose: Compose, clip: Path, tmp_path: Path
) -> None:
    service = BlobServiceClient.from_connection_string(compose.connections["MEDIA"])
    with service, clip.open("rb") as file:
        service.get_blob_client("input", "great-wave/holiday.mp4").upload_blob(file)
        output = service.get_blob_client("output", "great-wave/holiday.mp4")
        eventually(output.exists, "the output", within=240)
        path = tmp_path / "output.mp4"
        path.write_bytes(output.download_blob().readall())
    assert_nothing_is_left(compose.storage)
    assert_same_but_for_the_picture(path, clip)


def test_the_console_shows_jobs_and_the_cluster(
    compose: Compose, clip: Path, tmp_path: Path
) -> None:
    job = compose.drop(clip, "original/seen.mp4")
    compose.finished(job, tmp_path / "output.mp4")
    console = ("run", "--rm", "--user", str(os.getuid()), "console")
    assert job in compose(*console, "jobs", "--json")
    assert "painters" in compose(*console, "cluster", "show")
    from_here = subprocess.run(
        [sys.executable, "-m", "services.console", "cluster", "show", "--json"],
        cwd=ROOT,
        env=os.environ | compose.exports,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(from_here.stdout)["cluster"]["maximum"] == 1
    assert "worker-0001 | " in compose("logs", "batchai")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_crashes_is_restarted_and_nothing_is_lost(
    compose: Compose, long_clip: Path, tmp_path: Path, service: str
) -> None:
    job = compose.drop(long_clip, f"great-wave/without-{service}.mp4")
    eventually(lambda: frames_of(compose, job), "the first frames")
    compose.crash(service)
    output = compose.finished(job, tmp_path / "output.mp4")
    assert_same_but_for_the_picture(output, long_clip)


STALL = {
    "splitter": "kill -STOP $(cat /tmp/heartbeat)",
    "azurite": "cd /proc; for pid in [0-9]*; do"
    " [ $pid != $$ ] && grep -qs azurite.js $pid/cmdline && kill -STOP $pid; done",
}


@pytest.mark.parametrize("service", STALL)
def test_a_service_whose_loop_stands_still_is_restarted(
    compose: Compose, clip: Path, tmp_path: Path, service: str
) -> None:
    compose.crash(service, STALL[service])
    job = compose.drop(clip, f"original/stalled-{service}.mp4")
    assert_same_but_for_the_picture(compose.finished(job, tmp_path / "output.mp4"), clip)


def test_two_splitters_and_two_stitchers_share_the_work(
    compose: Compose, long_clip: Path, tmp_path: Path
) -> None:
    compose.up("--no-recreate", "--scale", "splitter=2", "--scale", "stitcher=2")
    splitters, stitchers = compose.containers("splitter"), compose.containers("stitcher")
    assert (len(splitters), len(stitchers)) == (2, 2)
    job = compose.drop(long_clip, "original/shared.mp4")
    output = compose.finished(job, tmp_path / "output.mp4")
    assert_same_but_for_the_picture(output, long_clip)
    assert all(done_by(container, job) for container in splitters + stitchers)
    compose.up("--no-recreate")


def test_replicas_paint_instead_of_jobs(compose: Compose, long_clip: Path, tmp_path: Path) -> None:
    assert compose.containers("scorer") == []
    compose.up(IMPASTO_CLUSTER="queue", SCORERS="2")
    scorers = compose.containers("scorer")
    job = compose.drop(long_clip, "great-wave/by-replicas.mp4")
    output = compose.finished(job, tmp_path / "output.mp4")
    assert_same_but_for_the_picture(output, long_clip)
    assert len(scorers) == 2
    assert all(done_by(container, job) for container in scorers)
    compose.up()
    assert compose.containers("scorer") == []


def test_a_service_is_upgraded_while_work_is_in_flight(
    compose: Compose, long_clip: Path, tmp_path: Path
) -> None:
    build_as_of(BEFORE, "splitter", tmp_path / "before")
    compose("up", "--detach", "--no-deps", "splitter", TAG="before")
    old = compose.container("splitter")
    assert old.image.labels["org.opencontainers.image.version"] == "before"
    job = compose.drop(long_clip, "great-wave/upgraded.mp4")
    eventually(lambda: done_by(old, job) > 1, "the old version to split a segment")

    beside = ("--no-deps", "--no-recreate", "--scale", "splitter=2", "splitter")
    compose("up", "--detach", *beside)
    [new] = [each for each in compose.containers("splitter") if each.id != old.id]
    assert new.image.labels["org.opencontainers.image.version"] == TAG
    eventually(lambda: done_by(new, job), "the new version to split a segment", within=120)
    assert compose.control.status(job).state == "running"
    retire(old)

    output = compose.finished(job, tmp_path / "output.mp4")
    assert_same_but_for_the_picture(output, long_clip)
    compose.up("--no-deps", "splitter")
    assert [each.id for each in compose.containers("splitter")] == [new.id]


def test_a_configured_version_stays(compose: Compose) -> None:
    subprocess.run(["docker", "tag", f"impasto/splitter:{TAG}", "impasto/splitter:v2"], check=True)
    [old] = compose.containers("splitter")
    compose.configure("SPLITTER_TAG=v2")
    beside = ("--no-deps", "--no-recreate", "--scale", "splitter=2", "splitter")
    compose.up(*beside)
    images = {each.id: each.attrs["Config"]["Image"] for each in compose.containers("splitter")}
    assert sorted(images.values()) == [f"impasto/splitter:{TAG}", "impasto/splitter:v2"]
    assert images[old.id] == f"impasto/splitter:{TAG}"
    compose.up()
    assert compose.container("splitter").attrs["Config"]["Image"] == "impasto/splitter:v2"
    compose.configure(f"SPLITTER_TAG={TAG}")
    compose.up()


def retire(container: Container) -> None:
    container.stop()
    container.reload()
    assert container.attrs["State"]["ExitCode"] == 0
    container.remove()


def build_as_of(revision: str, service: str, folder: Path) -> None:
    """Build the revision's code with today's Dockerfile."""
    parts = ["pyproject.toml", "README.md", "shared", "services/__init__.py", f"services/{service}"]
    archived = subprocess.run(
        ["git", "archive", revision, *parts], cwd=ROOT, capture_output=True, check=False
    )
    if archived.returncode:
        pytest.skip(f"there is no {revision} here: {archived.stderr.decode()}")
    with tarfile.open(fileobj=BytesIO(archived.stdout)) as archive:
        archive.extractall(folder, filter="data")
    shutil.copytree(ROOT / "deploy/locks", folder / "deploy/locks")
    recipe, tag = str(ROOT / f"services/{service}/Dockerfile"), f"impasto/{service}:before"
    build = ["docker", "build", "--quiet", "--load", "--file", recipe, "--build-arg", "TAG=before"]
    arguments = [f"--build-arg={name}={image}" for name, image in stand_ins().items()]
    subprocess.run([*build, *arguments, "--tag", tag, str(folder)], check=True, capture_output=True)


def test_stopped_services_exit_in_time_and_the_next_start_continues(
    compose: Compose, clip: Path, long_clip: Path, tmp_path: Path
) -> None:
    whole = compose.drop(clip, "original/whole.mp4")
    before = compose.finished(whole, tmp_path / "before.mp4").read_bytes()
    job = compose.drop(long_clip, "great-wave/interrupted.mp4")
    eventually(lambda: frames_of(compose, job), "the first frames")
    containers = compose.containers()
    compose("stop")
    for container in containers:
        container.reload()
        assert container.attrs["State"]["ExitCode"] == 0, f"{container.name} had to be killed"
    compose("down")
    assert compose.containers() == []
    compose.up()
    assert compose.finished(whole, tmp_path / "after.mp4").read_bytes() == before
    assert_same_but_for_the_picture(compose.finished(job, tmp_path / "output.mp4"), long_clip)


def test_a_stack_whose_volumes_are_deleted_starts_empty(
    compose: Compose, clip: Path, tmp_path: Path
) -> None:
    compose.finished(compose.drop(clip, "original/gone.mp4"), tmp_path / "before.mp4")
    compose("down", "--volumes")
    compose.up()
    assert compose.storage.container("input").under() == []
    job = compose.drop(clip, "original/gone.mp4")
    assert_same_but_for_the_picture(compose.finished(job, tmp_path / "after.mp4"), clip)
