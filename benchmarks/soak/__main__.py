"""`make soak`: run a stack under load and faults for some minutes and check that nothing is lost.

MINUTES=60 makes it an hour. It prints the faults and the outcomes of the videos. If a check fails,
it exits with 1, lists what is wrong, and keeps its folder with the logs.
"""

import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.soak.counts import Counts
from benchmarks.soak.fingerprints import Fingerprint
from benchmarks.soak.run import soak
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
        isinstance(fate, Fingerprint) and fate == found.undisturbed[dropped.sort]
        for dropped, fate in found.fates.items()
    )
    print(f"\nbyte for byte as undisturbed: {same}; uploads that Azurite lost: {found.forgotten}")
    print(f"in poison: {len(found.poison)} of {len(found.bad_messages)} planted messages\n")
    print("| service | peak MiB, undisturbed | under faults |\n|---|---|---|")
    for name, peaks in found.memory.items():
        print(f"| {name} | {peaks.calm:.0f} | {peaks.rough:.0f} |")


def main() -> None:
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="impasto-soak-"))
    found = soak(folder, float(os.environ.get("MINUTES") or MINUTES) * 60, Counts())
    report(found)
    print(f"\n{time.monotonic() - began:.0f} s in all")
    if wrong := troubles(found):
        print(f"\n{len(wrong)} checks failed; logs are in {folder}/stack/logs")
        print(*wrong, sep="\n")
        sys.exit(1)
    shutil.rmtree(folder)
    print("nothing is lost")


if __name__ == "__main__":
    main()
