"""Dockerfiles, base images and CI actions; and the file of keys that Compose reads."""

import contextlib
import re
import shlex
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/__main__.py"))
COPIED = "COPY services/{0} services/{0}\n"
#: Lines of the trigger's Dockerfile, and their replacements where a kind of cluster may be used.
MAY_ADD = {
    "COPY deploy/locks/{0}.txt /locks/": (
        "COPY deploy/locks/{0}.txt deploy/locks/azureml.txt deploy/locks/ray.txt /locks/\n"
        "# CLUSTER=azureml or CLUSTER=ray adds the packages for that kind of cluster.\n"
        "ARG CLUSTER"
    ),
    "--require-hashes /locks/{0}.txt": (
        '--require-hashes /locks/{0}.txt \\\n    $(find /locks -name "${{CLUSTER:-none}}.txt")'
    ),
}


def may_add_a_cluster(service: str) -> dict[str, str]:
    return {usual.format(service): own.format(service) for usual, own in MAY_ADD.items()}


#: The same for each service.
OWN = {
    "dispatcher": may_add_a_cluster("dispatcher"),
    "scorer": may_add_a_cluster("scorer"),
    "web": may_add_a_cluster("web"),
    "batchai": {
        "locks/batchai.txt": "locks/scorer.txt",
        COPIED.format("batchai"): COPIED.format("batchai")
        + "# Jobs are scorers that run in this container.\n"
        + COPIED.format("scorer"),
    },
    "console": may_add_a_cluster("console")
    | {
        " \\\n    IMPASTO_HEARTBEAT=/tmp/heartbeat": "",
        "HEALTHCHECK --interval=10s --timeout=30s --start-period=60s --start-interval=1s \\\n"
        '    CMD ["python", "-m", "shared.runtime.heartbeat"]\n': "",
    },
}


@pytest.mark.parametrize("service", SERVICES)
def test_what_an_image_copies_is_sent_to_the_builder(service: str) -> None:
    sent = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    for line in dockerfile(service).splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                parents = {str(path) for path in (Path(source), *Path(source).parents)}
                assert parents & sent, source


def dockerfile(service: str) -> str:
    """The service's Dockerfile without its description."""
    text = (ROOT / f"services/{service}/Dockerfile").read_text()
    return re.sub(r'description=".+"', "", text)


@pytest.mark.parametrize("service", SERVICES)
def test_dockerfiles_have_the_same_lines(service: str) -> None:
    expected = dockerfile("trigger").replace("trigger", service)
    for usual, own in OWN.get(service, {}).items():
        assert usual in expected
        expected = expected.replace(usual, own)
    assert dockerfile(service) == expected


@pytest.mark.parametrize("cluster", ["azureml", "ray"])
@pytest.mark.parametrize("service", ["dispatcher", "console", "scorer", "web"])
def test_locks_of_services_and_clusters_have_the_same_versions(service: str, cluster: str) -> None:
    """They are installed into one environment."""

    def pins(lock: str) -> dict[str, str]:
        text = (ROOT / f"deploy/locks/{lock}.txt").read_text()
        return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))

    ours, its = pins(service), pins(cluster)
    assert {name: (ours[name], its[name]) for name in ours.keys() & its.keys()}
    assert all(ours[name] == its[name] for name in ours.keys() & its.keys())


def test_compose_builds_images_for_the_configured_cluster() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for name in ("dispatcher", "console", "web"):
        assert services[name]["build"]["args"]["CLUSTER"] == "${IMPASTO_CLUSTER:-batchai}"


def test_base_images_are_pinned_by_digest() -> None:
    bases = set()
    for path in [*ROOT.glob("services/*/Dockerfile"), *ROOT.glob("deploy/*/Dockerfile")]:
        text = path.read_text()
        [(name, image)] = re.findall(r"^ARG (\w+_IMAGE)=(.+)$", text, re.MULTILINE)
        assert re.fullmatch(r"(python|node):[\w.-]+@sha256:[0-9a-f]{64}", image), path
        own = {"packages"}  # stages of the same Dockerfile
        assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) <= {f"${{{name}}}", *own}
        bases.add(image)
    assert len(bases) == 2


def test_actions_are_pinned_by_digest() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert [each for each in used if not re.fullmatch(r"\S+@[0-9a-f]{40}", each)] == []


def test_only_githubs_actions_run_beside_the_registrys_password() -> None:
    jobs = re.split(r"^  (\w+):$", (ROOT / ".github/workflows/ci.yml").read_text(), flags=re.M)
    holding = [job for job in jobs if "secrets." in job]
    assert len(holding) == 1
    assert all(each.startswith("actions/") for each in re.findall(r"uses: (\S+)", holding[0]))


def exported(file: Path) -> dict[str, str]:
    """The variables that `eval "$(make connections)"` exports."""
    said = subprocess.run(
        [sys.executable, ROOT / "deploy/keys.py", file], capture_output=True, text=True, check=True
    ).stdout
    words = (shlex.split(line) for line in said.splitlines())
    return dict(word.split("=", 1) for export, word in words if export == "export")


def test_keys_are_generated_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    said = exported(file)
    made = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert exported(file) == said
    assert file.read_text() == made
    assert exported(tmp_path / "other") != said


def test_keys_that_others_can_read_are_made_private_again(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    exported(file)
    file.chmod(0o644)
    exported(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_lines_that_a_person_wrote_stay(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# mine\nIMPASTO_NODES=2\nBLOB_PORT=1234")
    assert "127.0.0.1:1234/impastomedia;" in exported(file)["IMPASTO_MEDIA_CONNECTION"]
    assert file.read_text().startswith("# mine\nIMPASTO_NODES=2\nBLOB_PORT=1234\nMEDIA_KEY=")


def test_an_edited_file_is_read_as_compose_reads_it(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        'export MEDIA_KEY="bWVkaWE=" # quoted\n'
        "WORK_KEY = 'd29yaw=='\n"
        "BLOB_PORT=1234 # mine\n"
        "QUEUE_PORT=\n"
        "BATCHAI_SECRET='it is # a secret'\n"
    )
    told = exported(file)
    assert (
        "AccountKey=bWVkaWE=;BlobEndpoint=http://127.0.0.1:1234/"
        in told["IMPASTO_MEDIA_CONNECTION"]
    )
    assert "AccountKey=d29yaw==;" in told["IMPASTO_WORK_CONNECTION"]
    assert told["IDENTITY_HEADER"] == "it is # a secret"
    assert re.search(
        r"^QUEUE_PORT=\d+$", file.read_text(), re.MULTILINE
    )  # an empty port is replaced


def test_two_checkouts_have_different_project_names(tmp_path: Path) -> None:
    for name in ("one", "two"):
        exported(tmp_path / name)
    one, two = ((tmp_path / name).read_text() for name in ("one", "two"))
    project = re.compile(r"^(?:COMPOSE_PROJECT_NAME|IMAGES)=(.+)$", re.MULTILINE)
    assert len(set(project.findall(one))) == len(set(project.findall(two))) == 1
    assert project.findall(one) != project.findall(two)


def test_a_file_without_a_project_name_keeps_its_volumes(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("MEDIA_KEY=bWVkaWE=\nWORK_KEY=d29yaw==\n")
    exported(file)
    assert "\nCOMPOSE_PROJECT_NAME=impasto\nIMAGES=impasto\n" in file.read_text()


def test_ports_in_use_are_not_chosen(tmp_path: Path) -> None:
    with socket.socket() as other:
        with contextlib.suppress(OSError):  # it is in use already
            other.bind(("127.0.0.1", 10000))
            other.listen()
        told = exported(tmp_path / ".env")
    assert "http://127.0.0.1:10000/" not in told["IMPASTO_MEDIA_CONNECTION"]
    ports = re.findall(r"^\w+_PORT=(\d+)$", (tmp_path / ".env").read_text(), re.MULTILINE)
    assert len(set(ports)) == 4


def test_the_former_profile_of_replicas_is_refused_with_its_successor(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("COMPOSE_PROFILES=replicas\n")
    told = subprocess.run(
        [sys.executable, ROOT / "deploy/keys.py", file], capture_output=True, text=True, check=False
    )
    assert told.returncode == 1
    assert "SCORERS=" in told.stderr


def test_the_scorers_image_is_built_once() -> None:
    every = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    services = [service for service in every if service.get("profiles") != ["watch"]]
    built = [service["image"] for service in services if "build" in service]
    assert len(built) == len(set(built))
    assert {service["image"] for service in services} == set(built)
