"""A decoder's limit must be met before its container's, which kills more than the decoder."""

import re
from pathlib import Path

import pytest

from workloads.video.settings import SplittingSettings, StitchingSettings

COMPOSE = (Path(__file__).parents[2] / "docker-compose.yml").read_text()
#: What the service itself takes beside its child: Python, the SDK, and a shard of large frames.
SERVICE_MIB = 512


def container_mib(service: str) -> int:
    found = re.search(rf"\n  {service}:\n.*?\n    mem_limit: (\d+)g", COMPOSE, re.DOTALL)
    assert found
    return int(found[1]) * 1024


@pytest.mark.parametrize(
    ("service", "limit"),
    [
        ("splitter", SplittingSettings.model_fields["decoder_mib"].default),
        ("stitcher", StitchingSettings.model_fields["muxer_mib"].default),
    ],
)
def test_a_child_meets_its_limit_before_the_container_does(service: str, limit: int) -> None:
    assert limit + SERVICE_MIB <= container_mib(service)
