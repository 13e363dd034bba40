"""A disk that takes no more: the machine's trouble, not that of what is written."""

import errno
import shutil
from pathlib import Path

MIB = 1024 * 1024
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def disk_full_errno(error: BaseException) -> int | None:
    """The number by which the system says so, be it to Python or to FFmpeg."""
    number = getattr(error, "errno", None)
    return number if number in NO_ROOM else None


def check_room(folder: Path, needed: int) -> None:
    """Raise what writing would raise in the end, where so many bytes wouldn't fit."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        sentence = f"{needed / MIB:,.0f} MiB are needed and {free / MIB:,.0f} MiB are free"
        raise OSError(errno.ENOSPC, sentence, str(folder))
