"""The checks at the end of a soak, as pure functions of the collected evidence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmarks.soak.bad_messages import BadMessage
from benchmarks.soak.fingerprints import Fingerprint
from benchmarks.soak.load import Dropped, FinalState, VideoKind
from benchmarks.soak.memory import Peaks
from shared.control.poison import Entry

LEAST_FAULTS, LEAST_KINDS = 200, 8
#: The reason for a message whose lease was stolen too often, whatever its body.
NEVER_FINISHED = "never finished"
#: How long after Azurite's end its queues may still be cleared: it has to start first.
CLEARING_SECONDS = 60


Undisturbed = Mapping[VideoKind, FinalState]


class Evidence(NamedTuple):
    faults: Mapping[str, int]
    #: The outcome of each kind of video without faults.
    undisturbed: Undisturbed
    final_states: Mapping[Dropped, FinalState]
    #: How many uploads Azurite lost when it was killed.
    lost_uploads: int
    #: By round of readings, how its predictions differ from those without faults.
    rounds: Mapping[str, str | None]
    outputs: Sequence[str]
    poison: Sequence[Entry]
    bad_messages: Sequence[BadMessage]
    #: Why it failed, by the job that an invalid message named.
    refused: Mapping[str, str]
    #: When Azurite last ended: messages sent before then may have been cleared away.
    azurite_ended_at: float | None
    #: What is left, by place: messages, intermediates, processes, files.
    left: Mapping[str, Sequence[str]]
    crashes: Sequence[str]
    memory: Mapping[str, Peaks]


def failed_checks(found: Evidence) -> list[str]:
    return [
        *too_little(found),
        *of_videos(found),
        *of_rounds(found),
        *of_poison(found),
        *of_leftovers(found),
        *found.crashes,
    ]


def too_little(found: Evidence) -> Iterator[str]:
    faults, kinds = sum(found.faults.values()), len(found.faults)
    if faults < LEAST_FAULTS or kinds < LEAST_KINDS:
        yield f"{faults} faults of {kinds} kinds are too few"


def of_videos(found: Evidence) -> Iterator[str]:
    for dropped, state in found.final_states.items():
        name = f"{dropped.blob} ({dropped.job})"
        expected = found.undisturbed[dropped.kind]
        if isinstance(state, Fingerprint) and isinstance(expected, Fingerprint):
            if not state.shows_the_same(expected):
                yield f"{name} differs from the undisturbed output"
        elif state != expected:
            yield f"{name}: {describe(state)}; undisturbed: {describe(expected)}"
    finished = sum(isinstance(state, Fingerprint) for state in found.final_states.values())
    if len(found.outputs) != finished:
        yield f"{len(found.outputs)} outputs of {finished} finished videos"


def of_rounds(found: Evidence) -> Iterator[str]:
    if not found.rounds:
        yield "no round of readings was scored under faults"
    for job, difference in found.rounds.items():
        if difference:
            yield f"{job}: {difference}"


def of_poison(found: Evidence) -> Iterator[str]:
    sent = {(message.queue, message.text): message for message in found.bad_messages}
    kept = {(entry.queue, entry.body): entry for entry in found.poison}
    for place, entry in kept.items():
        message = sent.get(place) if place[1] else None  # type: ignore[arg-type]
        if message is None:
            yield f"poison: nobody put it into {entry.queue}: {entry.reason} (job {entry.job})"
        elif not any(why in entry.reason for why in (message.reason, NEVER_FINISHED) if why):
            yield f"poison: {entry.reason}, and not {message.reason}"
    for place, message in sent.items():
        if found.azurite_ended_at and message.sent <= found.azurite_ended_at + CLEARING_SECONDS:
            continue
        if message.reason and place not in kept:
            yield f"not in poison: {message.text} of {message.queue}"
        if message.job and message.job not in found.refused:
            yield f"not refused: {message.job} of {message.queue}"


def of_leftovers(found: Evidence) -> Iterator[str]:
    for place, things in found.left.items():
        if things:
            yield f"left in {place}: {len(things)}: {', '.join(things[:5])}"
    for name, peaks in found.memory.items():
        if not peaks.flat:
            yield f"{name} grew from {peaks.undisturbed:.0f} to {peaks.under_faults:.0f} MiB"


def describe(state: FinalState) -> str:
    return "a video" if isinstance(state, Fingerprint) else state or "nothing"
