"""What a round's summary says in words."""

from workloads.readings.summary import Summary

NOTHING = Summary(
    window="2026-11-20T14",
    devices=3,
    readings=9,
    anomalies=0,
    devices_with_anomalies=0,
    worst=[],
    missing=0,
    missing_devices=[],
    sparse_devices={},
    late=0,
    repeated=0,
    malformed=0,
    malformed_by_reason={},
    without_model=0,
    without_model_devices=[],
    broken_models={},
    versions={},
)


def test_a_round_without_anything_remarkable_says_nothing() -> None:
    assert NOTHING.sentences() == []


def test_a_single_device_is_in_the_singular() -> None:
    found = NOTHING.model_copy(
        update={
            "anomalies": 2000,
            "devices_with_anomalies": 1,
            "sparse_devices": {"pump": 0.2},
            "late": 1,
        }
    )
    assert found.sentences() == [
        "anomalies: 2,000 readings of 1 device",
        "sent less than half of what is usual: 1 device",
        "late: 1 reading",
    ]
