"""A disk that takes no more: the machine's trouble, not that of what is written."""

import errno

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def is_full(error: BaseException) -> int | None:
    """The number by which the system says so, be it to Python or to FFmpeg."""
    number = getattr(error, "errno", None)
    return number if number in NO_ROOM else None
