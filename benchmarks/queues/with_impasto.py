"""This repository's queue runtime, as services use it, with default settings."""

import sys

from benchmarks.queues.handler import handle
from benchmarks.queues.sending import send_all
from shared.messages import SegmentPlanned
from shared.runtime.consumer import Consumer
from shared.runtime.serve import serve
from shared.runtime.stop import Stop
from shared.runtime.work import Route
from shared.settings import Settings
from shared.storage import Storage

QUEUE = "segments"


def build(storage: Storage, settings: Settings, stop: Stop) -> Consumer:
    route = Route(QUEUE, SegmentPlanned, lambda message, work: handle(message.segment))
    return Consumer(storage, settings, stop, [route])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        queue = Storage(Settings()).queue(QUEUE)
        send_all(lambda n: queue.send(SegmentPlanned(trace="bench", job="bench", segment=n)))
    else:
        serve("bench", Settings, build)
