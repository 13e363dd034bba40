"""`make soak`: run a stack under load and faults for some minutes and check that nothing is lost.

MINUTES=60 makes it an hour. It prints the faults, and the outcomes of videos and of rounds of
readings. If a check fails, it exits with 1, lists what is wrong, and keeps its folder and the logs.
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
from benchmarks.soak.verdict import Evidence, describe, failed_checks

MINUTES = 4.0


def report(found: Evidence) -> None:
    print("| fault | times |\n|---|---|")
    for kind, count in found.faults.items():
        print(f"| {kind} | {count} |")
    print(f"| {len(found.faults)} kinds | {sum(found.faults.values())} |")
    print("\n| outcome | videos |\n|---|---|")
    for outcome, count in Counter(map(describe, found.final_states.values())).most_common():
        print(f"| {outcome} | {count} |")
    same = sum(
        isinstance(state, Fingerprint) and state == found.undisturbed[dropped.kind]
        for dropped, state in found.final_states.items()
    )
    print(
        f"\nbyte for byte as undisturbed: {same}; uploads that Azurite lost: {found.lost_uploads}"
    )
    equal = sum(difference is None for difference in found.rounds.values())
    print(f"rounds of readings: {len(found.rounds)}, row by row as undisturbed: {equal}")
    print(f"in poison: {len(found.poison)} of {len(found.bad_messages)} planted messages\n")
    print("| service | peak MiB, undisturbed | under faults |\n|---|---|---|")
    for name, peaks in found.memory.items():
        print(f"| {name} | {peaks.undisturbed:.0f} | {peaks.under_faults:.0f} |")


def main() -> None:
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="impasto-soak-"))
    found = soak(folder, float(os.environ.get("MINUTES") or MINUTES) * 60, Counts())
    report(found)
    print(f"\n{time.monotonic() - began:.0f} s in all")
    if wrong := failed_checks(found):
        print(f"\n{len(wrong)} checks failed; logs are in {folder}/stack/logs")
        print(*wrong, sep="\n")
        sys.exit(1)
    shutil.rmtree(folder)
    print("nothing is lost")


if __name__ == "__main__":
    main()
