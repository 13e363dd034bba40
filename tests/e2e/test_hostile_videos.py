"""Hostile videos and failing requests don't affect other videos or the machine."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.soak import processes
from benchmarks.soak.counts import Counts
from benchmarks.soak.fingerprints import Fingerprint, fingerprint_of
from benchmarks.soak.http_bytes import HttpMessage
from benchmarks.soak.proxy import Fault, Proxy
from services.console import accounts
from services.console.accounts import Accounts
from services.console.stack import Stack
from shared.control.job_control import JobControl
from shared.control.poison import PoisonQueues
from shared.jobs import Jobs
from shared.records import Failure, Outcome, Result
from tests.support.media import make_clip
from tests.support.stacks import QUICK
from tests.support.waiting import eventually
from tests.unit.test_hostile_videos import mjpeg, overlapping, small_says_its_header
from workloads.video import VIDEO


class BehindProxies(Stack):
    """A stack whose services reach storage only through proxies on these ports."""

    def __init__(self, data: Path, blob_port: int, queue_port: int) -> None:
        super().__init__(data, nodes=1)
        self._ports = {"blob_port": blob_port, "queue_port": queue_port}

    def _environment(self) -> dict[str, str]:
        through = self.accounts.model_copy(update=self._ports)
        return super()._environment() | through.environment()


class Refusals:
    """Once armed, answers the next write of frames with 403."""

    def __init__(self) -> None:
        self.armed = False
        self.count = 0

    def next(self, request: HttpMessage) -> Fault | None:
        method, path, _ = request.words
        if self.armed and method == "PUT" and "/shards/" in path:
            self.armed = False
            self.count += 1
            return Fault.FORBIDDEN
        return None


class Scene:
    def __init__(self, stack: Stack, folder: Path, refusals: Refusals) -> None:
        self.stack = stack
        self.storage = stack.storage
        self.refusals = refusals
        self._control = JobControl(stack.storage)
        self._jobs = Jobs(stack.storage)
        self._folder = folder

    def drop(self, clip: Path, blob: str) -> str:
        return self._control.submit(VIDEO, clip, blob)

    def output(self, job: str) -> str:
        outcome = self._outcome(job)
        assert isinstance(outcome, Result), outcome
        return outcome.output

    def refusal(self, job: str) -> str:
        outcome = self._outcome(job)
        assert isinstance(outcome, Failure), outcome
        assert outcome.state == "refused"
        return outcome.reason

    def _outcome(self, job: str) -> Outcome:
        outcome = eventually(lambda: self._jobs.outcome(job), "the job to end", within=240)
        assert outcome
        return outcome

    def pictures(self, job: str) -> Fingerprint:
        path = self._folder / "output"
        self._control.fetch(self._control.status(job), path)
        return fingerprint_of(path)

    def shards(self, job: str) -> list[bytes]:
        """The shards that the splitter wrote, in order."""
        frames = self.storage.container("shards")
        return [frames.read(blob.name) for blob in frames.under(f"{job}/")]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("IMPASTO_KEEP_INTERMEDIATES", "true")
    data, refusals = tmp_path / "stack", Refusals()
    data.mkdir()
    own: Accounts = accounts.make(data)
    with ExitStack() as around:
        proxies = [
            around.enter_context(Proxy(port, refusals.next, Counts()))
            for port in (own.blob_port, own.queue_port)
        ]
        stack = around.enter_context(BehindProxies(data, proxies[0].port, proxies[1].port))
        yield Scene(stack, tmp_path, refusals)
        assert PoisonQueues(stack.storage).entries() == []


def test_a_failed_write_puts_no_frames_into_another_video(scene: Scene, tmp_path: Path) -> None:
    # x264 isn't deterministic for some other sizes.
    one = make_clip(tmp_path / "one.mp4", seconds=4, size="256x144")
    other = make_clip(tmp_path / "other.mp4", seconds=4, size="256x144", picture="smptehdbars=")
    calm = [scene.drop(one, "original/1.mp4"), scene.drop(other, "original/2.mp4")]
    expected = [(scene.shards(job), scene.pictures(job)) for job in calm if scene.output(job)]
    scene.refusals.armed = True
    rough = [scene.drop(one, "original/3.mp4"), scene.drop(other, "original/4.mp4")]
    found = [(scene.shards(job), scene.pictures(job)) for job in rough if scene.output(job)]
    assert scene.refusals.count == 1
    assert expected[0][0] != expected[1][0]
    assert [shards for shards, _ in found] == [shards for shards, _ in expected]
    for (_, picture), (_, wanted) in zip(found, expected, strict=True):
        assert picture.shows_the_same(wanted)


def test_every_input_has_its_own_output(scene: Scene, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=1, size="96x64")
    names = ["a", "a.mp4", "a.mov", "a.mov.mp4", "a.mp4.mp4", "a.painted.mp4", "a.mov.painted.mp4"]
    jobs = [scene.drop(clip, f"original/{name}") for name in names]
    outputs = [scene.output(job) for job in jobs]
    assert len(set(outputs)) == len(names)
    there = {blob.name for blob in scene.storage.container("output").under()}
    assert there == set(outputs)


def test_files_that_claim_less_than_they_hold_are_refused(scene: Scene, tmp_path: Path) -> None:
    small = make_clip(tmp_path / "small.mp4", seconds=0.04, size="1280x720", tracks=())
    (tmp_path / "again.mp4").write_bytes(overlapping(small, 400_000))
    large = small_says_its_header(tmp_path / "large.avi", "mjpeg", mjpeg(16_000, 12_000))
    good = make_clip(tmp_path / "good.mp4", seconds=1, size="96x64")
    again = scene.drop(tmp_path / "again.mp4", "original/again.mp4")
    header = scene.drop(large, "original/large.avi")
    finished = scene.drop(good, "original/good.mp4")
    assert "packets overlap" in scene.refusal(again)
    assert "16000×12000" in scene.refusal(header)
    assert scene.output(finished) == "original/good.mp4"
    for name in ("shards", "scored", "segments"):
        left = [blob.name for blob in scene.storage.container(name).under()]
        assert not [blob for blob in left if not blob.startswith(finished)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux filters system calls")
def test_processes_that_decode_have_no_keys_and_are_confined(scene: Scene, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=1, size="96x64")
    scene.output(scene.drop(clip, "original/clip.mp4"))
    pids = scene.stack.pids()
    for service in ("splitter", "stitcher"):
        children = processes.sandboxes(pids[service])
        assert children
        for child in children:
            place = Path(f"/proc/{child}")
            environment = (place / "environ").read_bytes()
            assert b"AccountKey" not in environment
            assert b"IMPASTO" not in environment
            facts = dict(
                line.split(":\t", 1) for line in (place / "status").read_text().splitlines()
            )
            assert facts["Seccomp"] == "2"
            assert facts["NoNewPrivs"] == "1"
            opened = {str(one.readlink()) for one in (place / "fd").iterdir()}
            assert {name.split(":")[0] for name in opened} <= {"pipe", "/dev/null"}
