"""One round of `make kills`: how many frames are painted twice when a worker is killed."""

from pathlib import Path

from benchmarks.kills import MOST, kill_trial


def test_a_killed_worker_costs_only_its_frames_in_flight(tmp_path: Path) -> None:
    with kill_trial(tmp_path, seconds=3) as found:
        assert found.frames == 75
        death = found.kill_one(after_frames=20, pause=0)
    assert death.same
    assert death.redone <= MOST
