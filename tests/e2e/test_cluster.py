"""The Batch AI cluster of a stack: its nodes come with the work, and the console shows them."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from services.console.stack import Stack
from shared.control.job_control import JobControl
from tests.support.stacks import QUICK, impasto, lines, stack_in
from tests.support.waiting import eventually
from workloads.video import VIDEO


def logged(stack: Stack, service: str, event: str) -> list[dict[str, Any]]:
    text = stack.log_of(service).read_text()
    found = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
    return [line for line in found if line["event"] == event]


def test_nodes_are_allocated_for_a_job_and_released_after_it(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = {"IMPASTO_IDLE_EXIT_SECONDS": "1", "IMPASTO_NODE_IDLE_SECONDS": "0.5"}
    for name, value in (QUICK | quick).items():
        monkeypatch.setenv(name, value)
    with stack_in(tmp_path / "stack", nodes=2) as stack:
        control = JobControl(stack.storage)
        job = control.submit(VIDEO, clip, "original/clip.mp4")
        eventually(lambda: control.status(job).ended, "the job to end", within=240)
        assert control.status(job).state == "finished"
        resized = eventually(
            lambda: without_nodes(logged(stack, "batchai", "cluster resized")),
            "no nodes to be left",
        )
        assert resized[0]["before"] == 0
        assert max(line["nodes"] for line in resized) == 2
        names = {"worker-0001", "worker-0002"}
        assert {line["job"] for line in logged(stack, "batchai", "job started")} >= names
        ended = logged(stack, "batchai", "job ended")
        assert {line["job"]: line["state"] for line in ended}["worker-0001"] == "succeeded"
        eventually(
            lambda: len(logged(stack, "dispatcher", "worker left")) >= 2, "the dispatcher to notice"
        )
        assert not logged(stack, "dispatcher", "worker failed")

        [shown] = lines(impasto("cluster", "show", "--data", stack.data, "--json"))
        assert (shown["cluster"]["nodes"], shown["cluster"]["maximum"]) == (0, 2)
        assert {job["name"] for job in shown["jobs"]} >= names
        painted = [each for job in shown["jobs"] for each in job["scored"]]
        assert {each["source"] for each in painted} == {"original/clip.mp4"}
        assert sum(each["items"] for each in painted) == control.status(job).items
        table = impasto("cluster", "show", "--data", stack.data).stdout
        assert "0 of 0 to 2 nodes" in table
        assert "worker-0001 scored original/clip.mp4: " in table
        [scaled] = lines(
            impasto("cluster", "scale", "--nodes", "3", "--data", stack.data, "--json")
        )
        assert scaled["cluster"]["maximum"] == 3
        [deleted] = lines(impasto("cluster", "delete", "--data", stack.data, "--json"))
        assert deleted == {"deleted": True}
        made = eventually(
            lambda: lines(impasto("cluster", "show", "--data", stack.data, "--json")),
            "the cluster to be created again",
        )
        assert made[0]["cluster"]["maximum"] == 2


def test_a_run_prints_cluster_events_and_can_be_shown_meanwhile(tmp_path: Path, clip: Path) -> None:
    style, nodes = ("--style", "original"), ("--nodes", "2")
    folders = ("--output", tmp_path / "out", "--data", tmp_path / "data")
    with ThreadPoolExecutor() as pool:
        running = pool.submit(impasto, "run", clip, *style, *nodes, *folders)
        [shown] = eventually(
            lambda: [view for view in views(tmp_path / "data") if view["jobs"]], "a worker's job"
        )
        said = running.result().stderr
    assert shown["cluster"]["maximum"] == 2
    assert shown["jobs"][0]["name"] == "worker-0001"
    assert "cluster painters: 0 → " in said
    assert "worker-0001 started on node-1" in said
    assert said.rstrip().endswith(" → 0 nodes")


def views(data: Path) -> list[dict[str, Any]]:
    """What `cluster show` prints; empty while the stack isn't up yet."""
    return lines(impasto("cluster", "show", "--data", data, "--json"))


def without_nodes(resized: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return resized if resized and resized[-1]["nodes"] == 0 else []


def test_cluster_commands_without_a_stack_say_that_none_is_up(tmp_path: Path) -> None:
    result = impasto("cluster", "show", "--data", tmp_path)
    assert result.returncode == 2
    assert "no stack is up" in result.stderr
