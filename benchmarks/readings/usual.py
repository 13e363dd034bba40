"""The usual ways: for each device unpickle its model, read its CSV with pandas, and predict."""

import pickle
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from workloads.readings.columns import Columns
from workloads.readings.simulator import Simulator
from workloads.readings.svm import OneClassSvm
from workloads.readings.training import train
from workloads.readings.windows import Window

SPAN = 10


def columns_of(simulator: Simulator, window: Window, anomalies: float = 0.02) -> Columns:
    """What the devices sent, without files."""
    return labelled(simulator, window, anomalies)[0]


def labelled(
    simulator: Simulator, window: Window, anomalies: float
) -> tuple[Columns, np.ndarray, np.ndarray]:
    """The readings; which are anomalies; and the kind of anomaly in that hour, or 0."""
    hours = [simulator.hour(each.start, anomalies) for each in window.each_hour()]
    starts = [int(hour.start.timestamp() * 1e6) for hour in hours]
    pairs = list(zip(hours, starts, strict=True))
    times = np.concatenate([h.offsets * 1000 + start for h, start in pairs], 1)
    values = np.concatenate([hour.values for hour in hours], 1)
    labels = np.concatenate([hour.labels for hour in hours], 1)
    kinds = np.concatenate(
        [np.repeat(hour.kinds[:, None], hour.values.shape[1], 1) for hour in hours], 1
    )
    codes = np.repeat(np.arange(len(values), dtype=np.int32), values.shape[1])
    sent = kinds.ravel() != 4
    columns = Columns(simulator.names, codes[sent], times.ravel()[sent], values.ravel()[sent])
    return columns, labels.ravel()[sent], kinds.ravel()[sent]


def trained_models(simulator: Simulator, window: Window, hours: int) -> list[OneClassSvm]:
    """The models of a simulator's devices, from the hours before the window."""
    before = Window(window.before(hours).start, hours)
    models = train(columns_of(simulator, before)).models
    return [models[name] for name in simulator.names]


def write_usual(folder: Path, simulator: Simulator, window: Window) -> None:
    """A CSV of its hour and a pickled model for each device. Its features are pandas' cheapest."""
    import pandas as pd
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import OneClassSVM

    before = columns_of(simulator, Window(window.before(6).start, 6))
    now = columns_of(simulator, window, 0.0)
    for n, _ in enumerate(simulator.names):
        rows = features_in_pandas(pd.DataFrame({"value": before.values[before.codes == n]}))
        rows = rows[:: max(1, len(rows) // 800)]
        model = make_pipeline(StandardScaler(), OneClassSVM(nu=0.02)).fit(rows)
        (folder / f"{n}.pickle").write_bytes(pickle.dumps(model))
        own = now.codes == n
        times = pd.to_datetime(now.times[own], unit="us", utc=True)
        frame = pd.DataFrame({"time": times, "value": now.values[own]})
        frame.to_csv(folder / f"{n}.csv", index=False)


def features_in_pandas(frame: Any) -> np.ndarray:  # noqa: ANN401
    value = frame["value"]
    near = value.rolling(SPAN, min_periods=1)
    columns = [value, value - near.mean(), near.std().fillna(0), value.diff(SPAN).fillna(0)]
    return np.stack([np.asarray(column) for column in columns], axis=1)


def predict_device(folder: Path, device: int) -> int:
    """One device, as usual; returns how many of its readings are anomalies."""
    import pandas as pd

    model = pickle.loads((folder / f"{device}.pickle").read_bytes())  # noqa: S301 (the usual way)
    frame = pd.read_csv(folder / f"{device}.csv", parse_dates=["time"])
    frame["score"] = model.decision_function(features_in_pandas(frame))
    frame["anomaly"] = frame["score"] < 0
    frame.to_csv(folder / f"{device}.out.csv", index=False)
    return int(frame["anomaly"].sum())


def loop(folder: Path, devices: int) -> float:
    """Seconds of processor time a device, in one process."""
    predict_device(folder, 0)  # imports
    began = time.process_time()
    for device in range(devices):
        predict_device(folder, device)
    return (time.process_time() - began) / devices


def process_each(folder: Path, devices: int) -> float:
    """Seconds of processor time a device, with a process for each."""
    began = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    for device in range(devices):
        command = [sys.executable, "-m", "benchmarks.readings.usual", str(folder), str(device)]
        subprocess.run(command, check=True)
    return (sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - began) / devices


def parallel_loop(folder: Path, devices: int) -> float:
    """Seconds of processor time a device in joblib's loop, without the start of its processes."""
    from joblib import Parallel, delayed

    with Parallel(n_jobs=-1) as pool:
        pool(delayed(predict_device)(folder, device) for device in range(16))
        began = spent()
        pool(delayed(predict_device)(folder, device) for device in range(devices))
        return (spent() - began) / devices


def spent() -> float:
    """Processor time of this process and its living children."""
    me = psutil.Process()
    return sum(sum(p.cpu_times()[:2]) for p in (me, *me.children(recursive=True)))


if __name__ == "__main__":
    predict_device(Path(sys.argv[1]), int(sys.argv[2]))
