"""Celery on kombu's transport for Azure Storage queues, with its most careful settings.

It polls as often as our runtime. Its prefetch is set in the environment.
"""

import os

from celery import Celery

from benchmarks.queues.handler import handle
from benchmarks.queues.sending import send_all
from shared.runtime.backoff import FIRST_PAUSE

PREFETCH = "BENCH_PREFETCH"
PARTS = dict(part.split("=", 1) for part in os.environ["IMPASTO_WORK_CONNECTION"].split(";"))
app = Celery(broker=f"azurestoragequeues://{PARTS['AccountKey']}@{PARTS['QueueEndpoint']}")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=int(os.environ.get(PREFETCH, "4")),  # as by default
    broker_transport_options={"polling_interval": FIRST_PAUSE},
    task_ignore_result=True,
    worker_enable_remote_control=False,  # this transport has no fanout
)


@app.task(name="handle")  # type: ignore[untyped-decorator]
def task(number: int) -> None:
    handle(number)


if __name__ == "__main__":
    send_all(task.delay)
