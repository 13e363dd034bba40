"""One round of `make kills`: what a worker's death costs, counted frame by frame."""

from pathlib import Path

from benchmarks.kills import MOST, kill_trial


def test_a_workers_death_costs_no_more_than_is_in_its_hands(tmp_path: Path) -> None:
    with kill_trial(tmp_path, seconds=3) as found:
        assert found.frames == 75
        death = found.kill_one(after_frames=20, pause=0)
    assert death.same
    assert death.redone <= MOST
