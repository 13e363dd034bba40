"""What must be true in the end, and what isn't. Pure: it judges what others have found."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmarks.soak.load import Dropped, Fate, Sort
from benchmarks.soak.memory import Peaks
from benchmarks.soak.prints import Print
from benchmarks.soak.rubbish import Rubbish
from services.console.poison import Entry

LEAST_FAULTS, LEAST_KINDS = 200, 8
#: Of a message that was taken from its worker time after time, whatever stood in it.
WORN_OUT = "never finished"
#: How long after Azurite's end messages may still be cleared: it has to be up again first.
FORGETTING_SECONDS = 60


Undisturbed = Mapping[Sort, Fate]


class Evidence(NamedTuple):
    faults: Mapping[str, int]
    #: What becomes of each sort of video where nobody disturbs.
    undisturbed: Undisturbed
    fates: Mapping[Dropped, Fate]
    #: How many uploads Azurite, killed, forgot.
    forgotten: int
    outputs: Sequence[str]
    poison: Sequence[Entry]
    rubbish: Sequence[Rubbish]
    #: Why, by the job that a message named which isn't there.
    refused: Mapping[str, str]
    #: When Azurite last ended: rubbish that was put before then may have been cleared away.
    forgot_at: float | None
    #: By what it is in: queues that aren't empty, intermediates, processes, files.
    left: Mapping[str, Sequence[str]]
    crashes: Sequence[str]
    memory: Mapping[str, Peaks]


def troubles(found: Evidence) -> list[str]:
    return [
        *too_little(found),
        *of_videos(found),
        *of_poison(found),
        *of_leavings(found),
        *found.crashes,
    ]


def too_little(found: Evidence) -> Iterator[str]:
    faults, kinds = sum(found.faults.values()), len(found.faults)
    if faults < LEAST_FAULTS or kinds < LEAST_KINDS:
        yield f"{faults} faults of {kinds} kinds prove nothing"


def of_videos(found: Evidence) -> Iterator[str]:
    for dropped, fate in found.fates.items():
        name = f"{dropped.blob} ({dropped.job})"
        expected = found.undisturbed[dropped.sort]
        if isinstance(fate, Print) and isinstance(expected, Print):
            if not fate.shows_the_same(expected):
                yield f"{name} isn't what it is undisturbed"
        elif fate != expected:
            yield f"{name}: {said(fate)}; undisturbed: {said(expected)}"
    finished = sum(isinstance(fate, Print) for fate in found.fates.values())
    if len(found.outputs) != finished:
        yield f"{len(found.outputs)} outputs of {finished} finished videos"


def of_poison(found: Evidence) -> Iterator[str]:
    put = {(rubbish.queue, rubbish.text): rubbish for rubbish in found.rubbish}
    kept = {(entry.queue, entry.body): entry for entry in found.poison}
    for place, entry in kept.items():
        rubbish = put.get(place) if place[1] else None  # type: ignore[arg-type]
        if rubbish is None:
            yield f"poison: nobody put it into {entry.queue}: {entry.reason} (job {entry.job})"
        elif not any(why in entry.reason for why in (rubbish.reason, WORN_OUT) if why):
            yield f"poison: {entry.reason}, and not {rubbish.reason}"
    for place, rubbish in put.items():
        if found.forgot_at and rubbish.put <= found.forgot_at + FORGETTING_SECONDS:
            continue
        if rubbish.reason and place not in kept:
            yield f"not in poison: {rubbish.text} of {rubbish.queue}"
        if rubbish.job and rubbish.job not in found.refused:
            yield f"not refused: {rubbish.job} of {rubbish.queue}"


def of_leavings(found: Evidence) -> Iterator[str]:
    for place, things in found.left.items():
        if things:
            yield f"left in {place}: {len(things)}: {', '.join(things[:5])}"
    for name, peaks in found.memory.items():
        if not peaks.flat:
            yield f"{name} grew from {peaks.calm:.0f} to {peaks.rough:.0f} MiB"


def said(fate: Fate) -> str:
    return "a video" if isinstance(fate, Print) else fate or "nothing"
