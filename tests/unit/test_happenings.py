"""What a stack's cluster does, told in words."""

import json
from pathlib import Path

from services.console.happenings import Happenings


def test_news_is_told_once_and_whole(tmp_path: Path) -> None:
    log = tmp_path / "batchai.log"
    log.write_text('{"event": "before"}\n')
    happenings = Happenings(log)
    with log.open("a") as file:
        file.write(json.dumps({"event": "job started", "job": "w-1", "node": "node-1"}) + "\n")
        file.write('{"event": "cluster resized", "before": 0, "no')
    assert list(happenings.news()) == ["w-1 started on node-1"]
    with log.open("a") as file:
        file.write('des": 2, "cluster": "painters"}\nnot json\n')
    assert list(happenings.news()) == ["cluster painters: 0 → 2 nodes"]
    assert list(happenings.news()) == []


def test_a_worker_that_is_stopped_has_not_failed(tmp_path: Path) -> None:
    log = tmp_path / "batchai.log"
    log.touch()
    happenings = Happenings(log)
    ended = {"event": "job ended", "job": "w-1", "state": "failed"}
    why = "the job was terminated: the service was stopped"
    lines = [ended | {"why": why}, ended | {"why": "exit code 3"}, ended | {"state": "succeeded"}]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert list(happenings.news()) == [
        "w-1 stopped: the service was stopped",
        "w-1 failed: exit code 3",
        "w-1 succeeded",
    ]
