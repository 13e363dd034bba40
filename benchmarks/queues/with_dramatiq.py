"""Dramatiq with dramatiq-azure's broker, set up as its page says, without Prometheus."""

import os

import dramatiq
from dramatiq.middleware import AgeLimit, Callbacks, Pipelines, Retries, TimeLimit

from benchmarks.queues.handler import handle
from benchmarks.queues.sending import send_all

# Read when the broker is imported.
os.environ["AZURE_STORAGE_CONNECTION_STR"] = os.environ["IMPASTO_WORK_CONNECTION"]
from dramatiq_azure import ASQBroker

dramatiq.set_broker(
    ASQBroker(
        dead_letter=True,
        middleware=[AgeLimit(), TimeLimit(), Callbacks(), Pipelines(), Retries(max_retries=96)],
    )
)


@dramatiq.actor
def actor(number: int) -> None:
    handle(number)


if __name__ == "__main__":
    send_all(actor.send)
