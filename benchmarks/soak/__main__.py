"""`make soak`: a stack under load and faults for some minutes, and whether anything was lost.

MINUTES=60 makes it an hour. It prints what was done to the stack and what became of the videos,
and fails with what was wrong; then its folder stays, with the logs.
"""

import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.soak.prints import Print
from benchmarks.soak.run import soak
from benchmarks.soak.tally import Tally
from benchmarks.soak.verdict import Evidence, said, troubles

MINUTES = 4.0


def report(found: Evidence) -> None:
    print("| fault | times |\n|---|---|")
    for kind, count in found.faults.items():
        print(f"| {kind} | {count} |")
    print(f"| {len(found.faults)} kinds | {sum(found.faults.values())} |")
    print("\n| outcome | videos |\n|---|---|")
    for outcome, count in Counter(map(said, found.fates.values())).most_common():
        print(f"| {outcome} | {count} |")
    same = sum(
        isinstance(fate, Print) and fate == found.undisturbed[dropped.sort]
        for dropped, fate in found.fates.items()
    )
    print(f"\nbyte for byte as undisturbed: {same}; uploads that Azurite forgot: {found.forgotten}")
    print(f"in poison: {len(found.poison)} of {len(found.rubbish)} messages put\n")
    print("| service | peak MiB, undisturbed | under faults |\n|---|---|---|")
    for name, peaks in found.memory.items():
        print(f"| {name} | {peaks.calm:.0f} | {peaks.rough:.0f} |")


def main() -> None:
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="impasto-soak-"))
    found = soak(folder, float(os.environ.get("MINUTES") or MINUTES) * 60, Tally())
    report(found)
    print(f"\n{time.monotonic() - began:.0f} s in all")
    if wrong := troubles(found):
        print(f"\n{len(wrong)} things are wrong; logs are in {folder}/stack/logs")
        print(*wrong, sep="\n")
        sys.exit(1)
    shutil.rmtree(folder)
    print("nothing is lost")


if __name__ == "__main__":
    main()
