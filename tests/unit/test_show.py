"""Tables for people: on a narrow screen, too, all is there that one may want to copy."""

import io

from rich.console import Console

from services.console.jobs import Status
from services.console.show import jobs_table
from tests.tables import only_rows


def test_narrow_screens_cut_nothing() -> None:
    status = Status(
        job="a-rather-long-name-0123456789ab",
        state="finished",
        source="great-wave/a rather long name.mp4",
        model="great-wave",
        output="great-wave/a rather long name.mp4",
        items=1000,
        scored=1000,
    )
    screen = Console(width=80, file=io.StringIO())
    screen.print(jobs_table([status]))
    assert isinstance(screen.file, io.StringIO)
    [shown] = only_rows(screen.file.getvalue())
    assert shown[0] == status.job
    assert [shown[1], shown[3], shown[4]] == ["finished", "great-wave", "1000"]
    assert "…" not in screen.file.getvalue()
