"""Compares the queue runtime with Celery and dramatiq, on Azurite.

Each has one worker process, which handles one message at a time with the same handler. A kill ends
the worker with all its processes, as when a machine fails.
"""

from benchmarks.queues.trial import Delivery, Runtime, Speed, killed, slow, speed
from benchmarks.report import Report, Table, show
from shared import logs

HERE = "benchmarks.queues"
CELERY = (
    *("celery", "--app", f"{HERE}.with_celery", "worker"),
    *("--concurrency", "1", "--without-gossip", "--without-mingle", "--without-heartbeat"),
)
DRAMATIQ = ("dramatiq", f"{HERE}.with_dramatiq", "--processes", "1", "--threads", "1")
RUNTIMES = (
    Runtime("ours", f"{HERE}.with_impasto", [f"{HERE}.with_impasto"]),
    Runtime("celery", f"{HERE}.with_celery", CELERY),
    Runtime("celery, one at a time", f"{HERE}.with_celery", CELERY, {"BENCH_PREFETCH": "1"}),
    Runtime("dramatiq", f"{HERE}.with_dramatiq", DRAMATIQ),
)
#: Speed: how many messages are sent, and how long they are handled at most.
MESSAGES, SECONDS = 500, 15.0
#: Kills: how many messages, how long each takes, and how often the worker is killed.
INTERRUPTED, INTERRUPTED_SECONDS, KILLS = 30, 0.2, 3
#: Messages that take longer than dramatiq-azure's visibility timeout, and the time limit for all.
LONG, LONG_SECONDS, LIMIT_SECONDS = 6, 2.0, 30.0


def report() -> Report:
    speeds, dead, late = {}, {}, {}
    for runtime in RUNTIMES:
        speeds[runtime.name] = speed(runtime, MESSAGES, SECONDS)
        dead[runtime.name] = killed(runtime, INTERRUPTED, INTERRUPTED_SECONDS, KILLS)
        late[runtime.name] = slow(runtime, LONG, LONG_SECONDS, LIMIT_SECONDS)
    return Report(
        parts=[
            "Each runtime has one worker process, which handles one message at a time with the same"
            " handler. Each trial has an Azurite of its own. Ours: default settings. Celery:"
            " `task_acks_late`, `task_reject_on_worker_lost`, one prefork process, and kombu's"
            " `azurestoragequeues` with our polling interval; with its default prefetch of four"
            " messages, and with one (`worker_prefetch_multiplier` 1). Dramatiq: one thread, dead"
            " letters, and the middleware that dramatiq-azure's page names, without Prometheus.",
            speed_table(speeds),
            f"{INTERRUPTED} messages of {INTERRUPTED_SECONDS} s, whose worker is killed {KILLS}"
            f" times while it handles one; then {LONG} messages of {LONG_SECONDS:.0f} s without a"
            f" kill, for at most {LIMIT_SECONDS:.0f} s:",
            delivery_table(dead, late),
            "Kombu deletes a message when it receives it, whatever Celery's settings for"
            " acknowledgements are, so a dead worker's messages are lost. Dramatiq-azure hides a"
            " message for its worker's time-out, a second by default, and doesn't renew that, so a"
            " message that takes longer can be received again. Ours renews its lease of 30 s.",
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


def delivery_table(dead: dict[str, Delivery], late: dict[str, Delivery]) -> Table:
    columns = (
        "",
        f"lost in {KILLS} kills",
        "handled more than once",
        f"the {LONG} long ones: handled, in all",
        "lost",
    )
    rows = [
        (
            name,
            f"{fate.lost} of {INTERRUPTED}",
            f"{fate.repeated}",
            f"{late[name].done} times",
            f"{late[name].lost}",
        )
        for name, fate in dead.items()
    ]
    return Table(columns, rows)


if __name__ == "__main__":
    logs.configure("bench", "warning")
    show(report())
