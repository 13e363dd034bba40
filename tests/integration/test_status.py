"""The status of a job whose records change while they are read."""

import pytest

from shared import names
from shared.control.status import StatusReader
from shared.jobs import Jobs
from shared.records import Job
from shared.storage import Storage

JOB = "clip-0123456789ab"


@pytest.mark.parametrize("source", ["", "original/clip.mp4"])
def test_a_record_that_is_deleted_after_it_was_listed(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    records, record = Jobs(storage).records, names.job_record(JOB)
    records.write(record, b"{}")
    read = Jobs._job
    asked: list[str] = []

    def deleted_and_read(self: Jobs, job: str) -> Job:
        asked.append(job)
        records.delete(record)
        return read(self, job)

    monkeypatch.setattr(Jobs, "_job", deleted_and_read)
    status = StatusReader(storage).read(JOB, "input", source)
    assert asked == [JOB]
    assert (status and status.state) == ("waiting" if source else None)
    assert records.under(names.job_folder(JOB)) == []
