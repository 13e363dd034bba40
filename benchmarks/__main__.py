"""Runs all benchmarks and writes their results to benchmarks/README.md: `make bench`."""

import sys
import time
import traceback

from benchmarks import flat, telemetry, whole
from benchmarks.machine import machine
from benchmarks.page import Failed, Outcome, Part, page
from benchmarks.painter import __main__ as painter
from benchmarks.queues import __main__ as queues
from benchmarks.report import FOLDER, show
from benchmarks.scale import __main__ as scale
from benchmarks.stages import __main__ as stages
from shared import logs

PAGE = FOLDER / "README.md"
PARTS = (
    Part("whole", "A whole run", whole.report),
    Part("stages", "Each stage", stages.report),
    Part("flat", "Short and long videos", flat.report),
    Part("queues", "The queue runtime", queues.report),
    Part("telemetry", "Watching", telemetry.report),
    Part("painter", "The painter", painter.report),
    Part("scale", "Scale, simulated", scale.report),
)


def outcome(part: Part) -> Outcome:
    """Run a benchmark; if it fails, the page says so and the others still run."""
    try:
        report = part.report()
    except Exception as error:
        traceback.print_exc()
        return Failed(f"{type(error).__name__}: {error}".splitlines()[0])
    show(report)
    return report


def main() -> None:
    this_machine, found = machine(), {}
    for part in PARTS:
        began = time.monotonic()
        print(f"\n{part.title} …\n", flush=True)
        found[part] = outcome(part)
        PAGE.write_text(page(this_machine, found))  # now, in case the next one ends the process
        print(f"{part.title}: {time.monotonic() - began:.0f} s", flush=True)
    if any(isinstance(each, Failed) for each in found.values()):
        sys.exit(1)


if __name__ == "__main__":
    logs.configure("bench", "error")
    main()
