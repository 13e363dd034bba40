"""The queue runtime beside the two that Python programs mostly use, on the same Azurite.

Each has one worker process that does one message at a time, and the same handler. What is killed is
the worker with all its processes, as when a machine fails.
"""

from benchmarks.queues.trial import Fate, Runtime, Speed, killed, slow, speed
from benchmarks.report import Report, Table, tell
from shared import logs

HERE = "benchmarks.queues"
CELERY = (
    *("celery", "--app", f"{HERE}.with_celery", "worker"),
    *("--concurrency", "1", "--without-gossip", "--without-mingle", "--without-heartbeat"),
)
DRAMATIQ = ("dramatiq", f"{HERE}.with_dramatiq", "--processes", "1", "--threads", "1")
RUNTIMES = (
    Runtime("ours", f"{HERE}.ours", [f"{HERE}.ours"]),
    Runtime("celery", f"{HERE}.with_celery", CELERY),
    Runtime("celery, one at a time", f"{HERE}.with_celery", CELERY, {"BENCH_PREFETCH": "1"}),
    Runtime("dramatiq", f"{HERE}.with_dramatiq", DRAMATIQ),
)
#: As many of them as are handled in the time.
MESSAGES, SECONDS = 500, 15.0
#: To be killed amid.
DELICATE, DELICATE_SECONDS, KILLS = 30, 0.2, 3
#: Longer than one of them keeps a message to itself.
LONG, LONG_SECONDS, WATCHED_SECONDS = 6, 2.0, 30.0


def report() -> Report:
    speeds, dead, late = {}, {}, {}
    for runtime in RUNTIMES:
        speeds[runtime.name] = speed(runtime, MESSAGES, SECONDS)
        dead[runtime.name] = killed(runtime, DELICATE, DELICATE_SECONDS, KILLS)
        late[runtime.name] = slow(runtime, LONG, LONG_SECONDS, WATCHED_SECONDS)
    return Report(
        parts=[
            "One worker process each, one message at a time, the same handler; each trial has an"
            " Azurite of its own. Ours: default settings. Celery: `task_acks_late`,"
            " `task_reject_on_worker_lost`, one prefork process, on kombu's `azurestoragequeues`,"
            " which looks as often as ours; with the four messages in advance that are its default,"
            " and with one (`worker_prefetch_multiplier` 1). Dramatiq: one thread, the middleware"
            " that dramatiq-azure's page names but for Prometheus, dead letters.",
            speed_table(speeds),
            f"{DELICATE} messages of {DELICATE_SECONDS} s, and the worker killed {KILLS} times with"
            f" a message in hand; then {LONG} messages of {LONG_SECONDS:.0f} s, and no kill, for"
            f" {WATCHED_SECONDS:.0f} s at the longest:",
            fate_table(dead, late),
            "Kombu deletes a message when it receives it, whatever Celery is told of"
            " acknowledgements: what a dead worker had is gone. Dramatiq-azure hides a message for"
            " its worker's time-out, a second by default, and never renews that: what takes longer"
            " can be received again meanwhile. Ours renews its lease of 30 s.",
        ]
    )


def speed_table(speeds: dict[str, Speed]) -> Table:
    columns = ("", "handled/s", "CPU ms to handle one", "sent/s", "CPU ms to send one")
    rows = [
        (
            name,
            f"{1 / speed.seconds:.3g}",
            f"{speed.cpu_seconds * 1000:.1f}",
            f"{1 / speed.send_seconds:.3g}",
            f"{speed.send_cpu_seconds * 1000:.1f}",
        )
        for name, speed in speeds.items()
    ]
    return Table(columns, rows)


def fate_table(dead: dict[str, Fate], late: dict[str, Fate]) -> Table:
    columns = (
        "",
        f"lost in {KILLS} kills",
        "done more than once",
        f"the {LONG} long ones: done, in all",
        "lost",
    )
    rows = [
        (
            name,
            f"{fate.lost} of {DELICATE}",
            f"{fate.repeated}",
            f"{late[name].done} times",
            f"{late[name].lost}",
        )
        for name, fate in dead.items()
    ]
    return Table(columns, rows)


if __name__ == "__main__":
    logs.configure("bench", "warning")
    tell(report())
