"""Full disks: which errors mean one, and whether there is room for a file."""

import errno
import shutil
from pathlib import Path

MIB = 1024 * 1024
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def disk_full_errno(error: BaseException) -> int | None:
    """The errno of an error, Python's or FFmpeg's, that means a full disk; else None."""
    number = getattr(error, "errno", None)
    return number if number in NO_ROOM else None


def check_room(folder: Path, needed: int) -> None:
    """Raise the error that writing so many bytes would end in, if there is no room for them."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        sentence = f"{needed / MIB:,.0f} MiB are needed and {free / MIB:,.0f} MiB are free"
        raise OSError(errno.ENOSPC, sentence, str(folder))
