"""Every kind of cluster that runs on this machine paints exactly the same frames."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from services.console.stack import Stack
from shared.control.job_control import JobControl
from tests.support.media import make_clip
from tests.support.raycluster import LocalRay
from tests.support.stacks import QUICK, impasto, lines, stack_in
from tests.support.waiting import eventually
from workloads.video import VIDEO

STYLES = ("original", "great-wave")
#: The last bits of floating-point sums depend on the number of threads.
ALIKE = QUICK | {"IMPASTO_THREADS": "1"}
Frames = dict[str, list[str]]


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in ALIKE.items():
            environment.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a size at which x264 is deterministic; at some smaller ones it isn't."""
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=1.2, size="640x360")


@pytest.fixture(scope="module")
def expected(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Frames:
    """The frames that the default, Batch AI, paints."""
    with stack_in(tmp_path_factory.mktemp("batchai"), nodes=2) as stack:
        found = painted(stack, clip)
    assert {style: len(hashes) for style, hashes in found.items()} == dict.fromkeys(STYLES, 30)
    return found


@pytest.fixture
def on_ray(ray: LocalRay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_CLUSTER", "ray")
    monkeypatch.setenv("IMPASTO_RAY_URL", ray.url)


def submit(control: JobControl, clip: Path) -> dict[str, str]:
    return {style: control.submit(VIDEO, clip, f"{style}/clip.mp4") for style in STYLES}


def finished(control: JobControl, jobs: dict[str, str], folder: Path) -> Frames:
    found = {}
    for style, job in jobs.items():
        eventually(lambda job=job: control.status(job).ended, f"{style} to end", within=240)  # type: ignore[misc]
        status = control.status(job)
        assert status.state == "finished", status.reason
        path = folder / f"{style}.mp4"
        control.fetch(status, path)
        found[style] = frames(path)
    return found


def painted(stack: Stack, clip: Path) -> Frames:
    control = JobControl(stack.storage)
    return finished(control, submit(control, clip), stack.data)


def frames(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        pictures = (frame.to_ndarray() for frame in container.decode(video=0))
        return [hashlib.md5(picture.tobytes()).hexdigest() for picture in pictures]


def test_replicas_paint_the_same_frames(
    expected: Frames, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPASTO_CLUSTER", "queue")
    with stack_in(tmp_path / "stack", nodes=2) as stack:
        assert {"scorer-1", "scorer-2"} <= stack.pids().keys()
        assert "batchai" not in stack.pids()
        assert painted(stack, clip) == expected
        [shown] = lines(impasto("cluster", "show", "--data", stack.data, "--json"))
        assert shown == {"replicas": 1, "chunks": 0}
        refused = impasto("cluster", "create", "--data", stack.data)
        assert refused.returncode == 2
        assert "there is no cluster: workers are replicas" in refused.stderr


@pytest.mark.usefixtures("on_ray")
def test_ray_paints_the_same_frames(expected: Frames, clip: Path, tmp_path: Path) -> None:
    with stack_in(tmp_path / "stack") as stack:
        assert painted(stack, clip) == expected
        [shown] = lines(impasto("cluster", "show", "--data", stack.data, "--json"))
        assert shown["cluster"]["maximum"] == shown["cluster"]["nodes"] == 2
        assert {job["state"] for job in shown["jobs"]} <= {"running", "succeeded"}
        refused = impasto("cluster", "scale", "--nodes", "3", "--data", stack.data)
        assert refused.returncode == 2
        assert "a Ray cluster is made and sized elsewhere" in refused.stderr


@pytest.mark.usefixtures("on_ray")
def test_a_lost_ray_node_changes_no_frame(
    expected: Frames, ray: LocalRay, clip: Path, tmp_path: Path
) -> None:
    with stack_in(tmp_path / "stack") as stack:
        control = JobControl(stack.storage)
        jobs = submit(control, clip)
        scored = stack.storage.container("scored")
        eventually(lambda: scored.under(f"{jobs['great-wave']}/"), "something painted", within=120)
        ray.lose_one_at_work()
        assert finished(control, jobs, tmp_path) == expected
        log = stack.log_of("dispatcher")
        eventually(lambda: "worker failed" in log.read_text(), "the loss to be noted")


def test_a_local_stack_with_workers_in_azure_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPASTO_CLUSTER", "azureml")
    refused = impasto("up", "--data", tmp_path / "stack")
    assert refused.returncode == 2
    assert "workers in Azure can't reach a stack" in refused.stderr
