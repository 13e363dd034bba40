"""A workload of another package runs on the services as they are, beside the others."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.control.job_control import JobControl
from shared.control.status import Status
from shared.workloads import installed, workload_called
from tests.support.media import make_clip
from tests.support.packages import word_counts
from tests.support.stacks import QUICK, stack_in
from tests.support.waiting import eventually

LINES = [f"the {n % 7} quick brown foxes and the {n % 3} lazy dogs" for n in range(450)]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package, where pip would install it, for this process and for the services."""
    folder = tmp_path / "packages"
    about = folder / "word_counts-1.0.dist-info"
    about.mkdir(parents=True)
    shutil.copy(word_counts.__file__, folder / "word_counts.py")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: word-counts\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[impasto.workloads]\nword-counts = word_counts:WORD_COUNTS\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    installed.cache_clear()
    yield
    monkeypatch.undo()
    installed.cache_clear()


def end_of(control: JobControl, job: str) -> Status:
    eventually(lambda: control.status(job).ended, f"{job} to end")
    return control.status(job)


@pytest.mark.usefixtures("package")
def test_texts_and_videos_are_scored_side_by_side(tmp_path: Path) -> None:
    text = tmp_path / "foxes.txt"
    text.write_text("\n".join(LINES))
    clip = make_clip(tmp_path / "clip.mp4", seconds=1)
    with stack_in(tmp_path / "stack", nodes=2) as stack:
        control = JobControl(stack.storage)
        counting = control.submit(workload_called("word-counts"), text, "foxes.txt")
        painting = control.submit(workload_called("video"), clip, "original/clip.mp4")
        counted, painted = end_of(control, counting), end_of(control, painting)
        assert (counted.state, painted.state) == ("finished", "finished")
        assert counted.count(counted.split) == "450 lines"
        assert painted.workload == "video"
        control.fetch(counted, tmp_path / "counts.json")
    words = Counter(word for line in LINES for word in line.split())
    assert json.loads((tmp_path / "counts.json").read_text()) == words
