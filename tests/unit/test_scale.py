"""A part of `make scale`: the dispatcher's sizing and scaling on a simulated cluster."""

import pytest

from benchmarks.scale.policies import fifty_a_job, one_job_a_node
from benchmarks.scale.pulled_chunks import pulled_chunks
from benchmarks.scale.simulation import Conditions, ideal_seconds
from workloads.video.splitting.decoder import SHARD_FRAMES


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("nodes", [2, 10, 100])
@pytest.mark.parametrize("frames_a_node", [200, 1000, 5000])
def test_the_time_is_near_the_ideal_and_shorter_than_other_policies(
    nodes: int, frames_a_node: int, seed: int
) -> None:
    conditions = Conditions(nodes * frames_a_node, nodes, hours_between_failures=1e9, seed=seed)
    ours, ideal = pulled_chunks(conditions).seconds, ideal_seconds(conditions)
    assert ideal <= ours <= 1.1 * ideal
    assert ours < fifty_a_job(conditions).seconds
    assert ours < one_job_a_node(conditions).seconds


def test_a_failed_node_costs_at_most_a_shard() -> None:
    conditions = Conditions(frames=200_000, nodes=20, hours_between_failures=0.5)
    ours = pulled_chunks(conditions)
    assert ours.failures > 5
    assert 0 < ours.most_redone_at_once <= SHARD_FRAMES
    assert one_job_a_node(conditions).most_redone_at_once > 1000


def test_a_thousand_nodes_do_not_wait_for_messages() -> None:
    conditions = Conditions(frames=400_000, nodes=1000)
    assert pulled_chunks(conditions).seconds <= 1.1 * ideal_seconds(conditions)


def test_a_short_video_gets_few_nodes() -> None:
    little = Conditions(frames=1000, nodes=1000)
    assert pulled_chunks(little).node_hours < 0.1 * one_job_a_node(little).node_hours
