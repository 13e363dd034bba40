"""Features are what their names say, and depend on nothing but a device's own hour."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.readings.columns import Columns
from workloads.readings.features import HOUR, SECOND, Features, Floats, compute

ALL = Features(names=("value", "mean", "deviation", "spread", "slope", "gap", "day"), span=4)


def columns_of(*devices: list[tuple[float, float]]) -> Columns:
    rows = [(n, t, v) for n, readings in enumerate(devices) for t, v in readings]
    return Columns(
        [f"d{n}" for n in range(len(devices))],
        np.array([row[0] for row in rows], np.int32),
        np.array([row[1] * SECOND for row in rows]).astype(np.int64),
        np.array([row[2] for row in rows], np.float64),
    )


def by_hand(readings: list[tuple[float, float]], span: int) -> Floats:
    """The features of one device's readings within one hour."""
    found = []
    for n, (time, value) in enumerate(readings):
        last = min(max(n + 1, span), len(readings))
        near = np.array(readings[max(0, last - span) : last])
        others = np.delete(near[:, 1], n - max(0, last - span))
        slope = 0.0
        if len(near) > 1 and np.ptp(near[:, 0]) > 0:
            slope = float(np.polyfit(near[:, 0] - near[0, 0], near[:, 1], 1)[0])
        angle = time % 86_400 * 2 * np.pi / 86_400
        mean = near[:, 1].mean()
        found.append(
            [
                value,
                mean,
                value - others.mean() if len(others) else 0.0,
                np.log(near[:, 1].std() + 1e-6 * (abs(mean) + 1e-6)),
                slope,
                time - readings[n - 1][0] if n else 0.0,
                np.sin(angle),
                np.cos(angle),
            ]
        )
    return np.array(found)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 3599), st.integers(-100, 100)), min_size=1, max_size=15),
        min_size=1,
        max_size=4,
    )
)
def test_features_equal_those_computed_by_hand(devices: list[list[tuple[float, float]]]) -> None:
    unique = [sorted(dict(readings).items()) for readings in devices]
    expected = np.concatenate([by_hand(readings, 4) for readings in unique])
    assert compute(ALL, columns_of(*unique)) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(st.integers(1, 5), st.integers(0, 2**31))
def test_a_reading_has_the_same_features_among_other_devices_and_hours(
    hours: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    long = [(float(t), float(rng.normal())) for t in range(0, hours * 3600, 97)]
    other = [(float(t), float(rng.normal() * 1e6)) for t in range(0, 3600, 50)]
    together = compute(ALL, columns_of(other, long))[len(other) :]
    for hour in range(hours):
        own = [n for n, (t, _) in enumerate(long) if t * SECOND // HOUR == hour]
        alone = compute(ALL, columns_of([long[n] for n in own]))
        # The first reading's gap and all else look back within the hour only.
        assert np.array_equal(together[own], alone)


def test_there_are_no_features_of_no_readings() -> None:
    assert compute(ALL, columns_of()).shape == (0, ALL.width)
