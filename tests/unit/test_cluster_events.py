"""Events of clusters and workers, logged by services and read back from their logs."""

import json
from pathlib import Path

from services.console.cluster_events import ClusterEvents


def test_each_event_is_read_once_when_its_line_is_complete(tmp_path: Path) -> None:
    log = tmp_path / "batchai.log"
    log.write_text('{"event": "before"}\n')
    events = ClusterEvents(log)
    with log.open("a") as file:
        file.write(json.dumps({"event": "job started", "job": "w-1", "node": "node-1"}) + "\n")
        file.write('{"event": "cluster resized", "before": 0, "no')
    assert list(events.new()) == ["w-1 started on node-1"]
    with log.open("a") as file:
        file.write('des": 2, "cluster": "painters"}\nnot json\n')
    assert list(events.new()) == ["cluster painters: 0 → 2 nodes"]
    assert list(events.new()) == []


def test_a_job_that_is_stopped_has_not_failed(tmp_path: Path) -> None:
    log = tmp_path / "batchai.log"
    log.touch()
    events = ClusterEvents(log)
    ended = {"event": "job ended", "job": "w-1", "state": "failed"}
    why = "the job was terminated: the service was stopped"
    lines = [ended | {"why": why}, ended | {"why": "exit code 3"}, ended | {"state": "succeeded"}]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert list(events.new()) == [
        "w-1 stopped: the service was stopped",
        "w-1 failed: exit code 3",
        "w-1 succeeded",
    ]
