"""Which modules may import what, and what a wheel contains."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("services", "shared", "workloads")
MODULES = sorted(path for room in ROOMS for path in ROOT.glob(f"{room}/**/*.py"))
HEAVY: dict[str, str | tuple[str, ...]] = {
    "torch": ("workloads/video/scoring", "workloads/video/training", "workloads/readings"),
    "torchvision": "workloads/video/training",
    "safetensors": ("workloads/video/scoring", "workloads/video/training", "workloads/readings"),
    "av": (
        "workloads/video/splitting",
        "workloads/video/stitching",
        "workloads/video/source.py",
        "workloads/video/training/clips.py",
    ),
    "typer": ("services/console", "workloads/readings/commands.py"),
    "rich": "services/console",
    "azure.mgmt": "shared/clusters/batchai",
    "azure.ai": "shared/clusters/azureml",
    "ray": "shared/clusters/ray",
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_import_only_what_they_may(path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    for name in imports(path):
        parts = name.split(".")
        if parts[0] in ("services", "workloads"):
            assert place.startswith(f"{parts[0]}/{parts[1]}/"), f"{place} imports {name}"
        for heavy, places in HEAVY.items():
            if f"{name}.".startswith(f"{heavy}."):
                assert place.startswith(places), f"{place} imports {name}"


def test_benchmarks_import_no_test_and_no_conftest() -> None:
    for path in ROOT.glob("benchmarks/**/*.py"):
        of_tests = {name for name in imports(path) if name.startswith("tests.")}
        assert all(name.startswith("tests.support.") for name in of_tests), path


def test_a_wheel_installs_no_tests(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*build, "--directory", tmp_path], cwd=ROOT, capture_output=True, check=True)
    [wheel] = tmp_path.glob("*.whl")
    folders = {name.partition("/")[0] for name in ZipFile(wheel).namelist()}
    assert {name for name in folders if not name.endswith(".dist-info")} == set(ROOMS)


def test_the_splitter_loads_no_libraries_of_other_services() -> None:
    program = "import sys, services.splitter.service; print(*{m for m in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert not {"torch", "typer", "azure.identity"} & set(loaded)


#: What only workloads know.
WORKLOADS_WORDS = re.compile(
    r"\b(frames?|styles?|paint\w*|pictures?|devices?|readings?|videos?|\w*mux\w*)\b", re.IGNORECASE
)
#: The device is a processor, the style is rich's or a page's, a page may be framed, and records
#: without a workload are of the first.
OTHER_MEANINGS = (
    "device: str",
    '"device"',
    "device=scorer.device",
    "name of the device",
    "self.device = device",
    "self.device",
    "Stage(name, device)",
    "style: str",
    ", style)",
    'FIRST_WORKLOAD = "video"',
    '"painters"',
    "style-src",
    "frame-ancestors",
    "X-Frame-Options",
)
GENERAL = [path for path in MODULES if path.relative_to(ROOT).parts[0] != "workloads"]


@pytest.mark.parametrize("path", GENERAL, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_workloads_know_their_words(path: Path) -> None:
    for line in path.read_text().splitlines():
        rest = line
        for phrase in OTHER_MEANINGS:
            rest = rest.replace(phrase, "")
        assert not WORKLOADS_WORDS.search(rest), f"{path.relative_to(ROOT)}: {line.strip()}"


@pytest.mark.parametrize("part", ["splitting", "stitching", "commands", "due"])
def test_only_the_scorer_loads_the_libraries_of_models(part: str) -> None:
    program = f"import sys, workloads.readings.{part}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert not {"torch", "sklearn", "safetensors", "skops", "onnxruntime"} & set(loaded)


@pytest.mark.parametrize("part", ["splitting", "stitching"])
def test_the_sandboxes_of_videos_load_no_library_of_storage(part: str) -> None:
    program = f"import sys, workloads.video.{part}.tasks; print(*{{m for m in sys.modules}})"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert "av" in loaded
    assert not {"azure", "requests", "torch"} & set(loaded)
