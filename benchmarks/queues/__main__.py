"""The queue runtime beside the two that Python programs mostly use, on the same Azurite.

Each has one worker process that does one message at a time, and the same handler. What is killed is
the worker with all its processes, as when a machine fails.
"""

from benchmarks.own_storage import own_storage
from benchmarks.queues.trial import Fate, Runtime, Speed, Trial
from benchmarks.report import Report, Table, tell
from shared import logs

HERE = "benchmarks.queues"
RUNTIMES = (
    Runtime("ours", f"{HERE}.ours", [f"{HERE}.ours"]),
    Runtime(
        "celery",
        f"{HERE}.with_celery",
        [
            *("celery", "--app", f"{HERE}.with_celery", "worker"),
            *("--concurrency", "1", "--without-gossip", "--without-mingle", "--without-heartbeat"),
        ],
    ),
    Runtime(
        "dramatiq",
        f"{HERE}.with_dramatiq",
        ["dramatiq", f"{HERE}.with_dramatiq", "--processes", "1", "--threads", "1"],
    ),
)
MESSAGES = 500
#: To be killed amid.
DELICATE, KILLS, DELICATE_SECONDS = 40, 5, 0.2
#: Longer than one of them keeps a message to itself.
LONG, LONG_SECONDS = 3, 3.0


def report() -> Report:
    speeds: dict[str, Speed] = {}
    killed: dict[str, Fate] = {}
    slow: dict[str, Fate] = {}
    for runtime in RUNTIMES:
        with own_storage() as own:
            trial = Trial(runtime, own)
            speeds[runtime.name] = trial.speed(MESSAGES)
            killed[runtime.name] = trial.killed(DELICATE, DELICATE_SECONDS, KILLS)
            slow[runtime.name] = trial.killed(LONG, LONG_SECONDS, kills=0)
    return Report(
        parts=[
            "One worker process each, one message at a time, the same handler. Ours: default"
            " settings. Celery: `task_acks_late`, `task_reject_on_worker_lost`,"
            " `worker_prefetch_multiplier` 1, one prefork process, on kombu's `azurestoragequeues`."
            " Dramatiq: one thread, the middleware that dramatiq-azure's page recommends but for"
            " Prometheus, dead letters.",
            speed_table(speeds),
            f"{DELICATE} messages of {DELICATE_SECONDS} s, and the worker killed {KILLS} times with"
            f" a message in hand; then {LONG} messages of {LONG_SECONDS:.0f} s and no kill:",
            fate_table(killed, slow),
            "Kombu deletes a message as soon as it has received it, whatever Celery is told of"
            " acknowledgements, so what a dead worker had is gone. Dramatiq-azure keeps a message"
            " for as long as a worker's time-out, a second unless it is told otherwise, and never"
            " renews it: what takes longer is begun again. Ours renews its lease of 30 s.",
        ]
    )


def speed_table(speeds: dict[str, Speed]) -> Table:
    columns = ("", "handled/s", "CPU ms to handle one", "sent/s", "CPU ms to send one")
    rows = [
        (
            name,
            f"{1 / speed.seconds:.0f}",
            f"{speed.cpu_seconds * 1000:.1f}",
            f"{1 / speed.send_seconds:.0f}",
            f"{speed.send_cpu_seconds * 1000:.1f}",
        )
        for name, speed in speeds.items()
    ]
    return Table(columns, rows)


def fate_table(killed: dict[str, Fate], slow: dict[str, Fate]) -> Table:
    columns = (
        "",
        f"lost in {KILLS} kills",
        "done twice or more",
        f"of {LONG} slow ones done twice or more",
        "one of these begun at most",
    )
    rows = [
        (
            name,
            f"{fate.lost}",
            f"{fate.repeated}",
            f"{slow[name].repeated}",
            f"{slow[name].most_begun} times",
        )
        for name, fate in killed.items()
    ]
    return Table(columns, rows)


if __name__ == "__main__":
    logs.configure("bench", "warning")
    tell(report())
