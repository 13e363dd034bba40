"""One soak: a run without faults, one with all faults, then the wait until every job ended."""

import random
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.soak.bad_messages import BadMessageSender
from benchmarks.soak.counts import Counts
from benchmarks.soak.disk import Disk
from benchmarks.soak.killing import Killer
from benchmarks.soak.lease_stealer import LeaseStealer
from benchmarks.soak.load import Load
from benchmarks.soak.memory import Memory
from benchmarks.soak.proxy import Faults, Proxy
from benchmarks.soak.rounds import RoundLoad
from benchmarks.soak.schedule import Act, play
from benchmarks.soak.soak_stack import SoakStack, two_keys
from benchmarks.soak.verdict import Evidence, Undisturbed
from services.console import accounts
from shared.control.poison import PoisonQueues
from shared.errors import ImpastoError
from shared.jobs import Jobs
from shared.records import Failure
from shared.storage import QUEUES, Storage
from tests.support.processes import processes_of

#: The share of requests that meet a fault, and of leases that are stolen.
FAULT_CHANCE, STEAL_CHANCE = 0.06, 0.15
AT_ONCE, ROUNDS_AT_ONCE = 8, 3
#: The containers and queues that services lose access to for a while.
FORBIDDEN = ("input", "output", "readings", "predictions", "jobs", "shards", "scored", "chunks")
#: How often rights, keys and the blob that can't be listed change in a run.
CHANGES = 8
#: A blob whose name makes Azurite answer every listing of its container with 500.
UNLISTABLE = "original/\x01.mp4"
#: The part of the time in which services are killed; later ones must live to the end.
KILLING = 0.6
DRAIN_SECONDS = 600.0


class Soak:
    def __init__(
        self, folder: Path, stack: SoakStack, counts: Counts, disk: Disk, faults: Faults
    ) -> None:
        self._stack = stack
        self._counts = counts
        self._faults = faults
        self._disk = disk
        #: Without the proxies: the checks themselves must not meet faults.
        patient = {"outage_seconds": DRAIN_SECONDS}
        self.storage = Storage(stack.accounts.settings().model_copy(update=patient))
        self.killer = Killer(stack, counts)
        self.bad_sender = BadMessageSender(self.storage, counts)
        self.load = Load(self.storage, folder, counts)
        self.rounds = RoundLoad(self.storage, folder)
        self.memory = Memory()

    def undisturbed(self) -> Undisturbed:
        """The outcome of each kind of video without faults, beside a round of readings."""
        self.rounds.train()
        self.rounds.keep_busy(1)
        for kind in [*self.load.good, *self.load.bad]:
            self.load.drop(kind)
        self.drain(self.memory.undisturbed)
        if unfinished := self.unfinished():
            raise ImpastoError(f"not finished although nothing disturbed them: {unfinished}")
        final_states = self.load.final_states(self.load.dropped)
        return {dropped.kind: state for dropped, state in final_states.items()}

    def disturbed(self, seconds: float) -> None:
        killer, load = self.killer, self.load
        play(
            [
                Act(lambda: load.keep_busy(AT_ONCE), 1),
                Act(load.drop_a_bad_one, 8),
                Act(lambda: self.rounds.keep_busy(ROUNDS_AT_ONCE), 2),
                Act(self.bad_sender.send_one, 3),
                Act(killer.service, 6, KILLING),
                Act(killer.rollout, 5, KILLING),
                Act(killer.worker, 12, KILLING),
                Act(killer.sandbox, 8, KILLING),
                Act(killer.azurite_stopped, 40, KILLING),
                Act(self._kill_azurite, 40, KILLING),
                Act(self._change_rights, seconds / CHANGES),
                Act(self._rotate_keys, seconds / CHANGES, KILLING),
                Act(self._hostile_name, seconds / CHANGES, KILLING),
                Act(self._disk.fill, 20),
                Act(self._disk.free_when_noticed, 1),
                Act(killer.record_crashes, 0.3),
                Act(lambda: self._sample_memory(self.memory.under_faults), 2),
            ],
            seconds,
        )
        self._disk.free()
        self._faults.forbidden = None
        self.storage.container("input").delete(UNLISTABLE)

    def _change_rights(self) -> None:
        """Take all rights to a container or queue away, or give them back."""
        self._faults.forbidden = None if self._faults.forbidden else random.choice(FORBIDDEN)

    def _hostile_name(self) -> None:
        """Put a blob with a name that breaks listings into `input`, or delete it."""
        if not self.storage.container("input").delete(UNLISTABLE):
            self.storage.container("input").write(UNLISTABLE, b"not a video")
            self._counts.add("hostile blob name")

    def _rotate_keys(self) -> None:
        self._stack.rotate_keys()
        self._counts.add("keys rotated")

    def drain(self, peaks: dict[str, float]) -> None:
        """Wait until every job has ended and the queues are empty, at most DRAIN_SECONDS."""
        until = time.monotonic() + DRAIN_SECONDS
        while (self.unfinished() or self.queued()) and time.monotonic() < until:
            self.killer.record_crashes()
            self._sample_memory(peaks)
            time.sleep(0.5)

    def unfinished(self) -> list[str]:
        return [*(dropped.job for dropped in self.load.unfinished()), *self.rounds.unfinished()]

    def queued(self) -> list[str]:
        return [name for name in QUEUES if self.storage.queue(name).count()]

    def _sample_memory(self, peaks: dict[str, float]) -> None:
        self.memory.sample(peaks, self._stack.pids(), self._stack.workers())

    def _kill_azurite(self) -> None:
        self.killer.azurite_killed()
        self.load.drop_lost_uploads_again()
        self.rounds.announce_lost_again()


def soak(folder: Path, seconds: float, counts: Counts) -> Evidence:
    data = folder / "stack"
    data.mkdir()
    own = two_keys(accounts.make(data))
    faults, stealer = Faults(), LeaseStealer(own, counts)
    with ExitStack() as around:
        disk = around.enter_context(Disk(data / "tmp", data / "logs", counts))
        if disk.why_not:
            print(f"no full disk: {disk.why_not}")
        blobs = around.enter_context(Proxy(own.blob_port, faults.next, counts, stealer.observe))
        queues = around.enter_context(Proxy(own.queue_port, faults.next, counts, stealer.observe))
        stack = around.enter_context(SoakStack(data, own, blobs.port, queues.port))
        run = Soak(folder, stack, counts, disk, faults)
        undisturbed = run.undisturbed()
        print(
            f"{len(undisturbed)} kinds of videos and a round done without faults; now with faults",
            flush=True,
        )
        faults.chance, stealer.chance = FAULT_CHANCE, STEAL_CHANCE
        run.disturbed(seconds)
        faults.chance = stealer.chance = 0
        run.drain(run.memory.under_faults)
        found = collect_evidence(run, run.storage, undisturbed, counts)
        stealer.close()
        stack.close()
        left = {**found.left, "processes": processes_of(data), "tmp": files(data / "tmp")}
    return found._replace(left=left)


def collect_evidence(
    run: Soak, storage: Storage, undisturbed: Undisturbed, counts: Counts
) -> Evidence:
    jobs = Jobs(storage)
    outcomes = {r.job: jobs.outcome(r.job) for r in run.bad_sender.sent if r.job}
    kept = ("shards", "scored", "segments")
    return Evidence(
        faults=counts.counts(),
        undisturbed=undisturbed,
        final_states=run.load.final_states(run.load.dropped),
        lost_uploads=len(run.load.lost_uploads),
        rounds=run.rounds.results(),
        outputs=[blob.name for blob in storage.container("output").under()],
        poison=PoisonQueues(storage).entries(),
        bad_messages=run.bad_sender.sent,
        refused={job: end.reason for job, end in outcomes.items() if isinstance(end, Failure)},
        azurite_ended_at=run.killer.azurite_ended_at,
        left={"queues": run.queued()}
        | {name: [blob.name for blob in storage.container(name).under()] for name in kept},
        crashes=run.killer.crashes,
        memory=run.memory.peaks(),
    )


def files(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
