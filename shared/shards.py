"""A shard: a tar of a few items. A blob for each item would cost more than scoring it."""

import io
import tarfile
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from shared.errors import Malformed

#: A bound on what is read into memory: more than a shard has.
MOST_ITEMS = 1000
#: More than the largest item has.
LARGEST_ITEM = 256 * 1024 * 1024
REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE)


class Item(NamedTuple):
    name: str
    data: bytes


def pack(items: Iterable[Item]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for item in items:
            info = tarfile.TarInfo(item.name)
            info.size = len(item.data)
            tar.addfile(info, io.BytesIO(item.data))
    return out.getvalue()


def unpack(data: bytes) -> list[Item]:
    """Return a shard's items; raise Malformed if it has anything else, or too much."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            items = [Item(info.name, _content(tar, info)) for info in islice(tar, MOST_ITEMS + 1)]
    except tarfile.TarError as error:
        raise Malformed(f"a shard isn't a tar: {error}") from error
    if len(items) > MOST_ITEMS:
        raise Malformed(f"a shard has over {MOST_ITEMS} items")
    return items


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    # `isreg` is also true for a sparse file, which would be filled with zeros to any size.
    if info.type not in REGULAR or info.issparse():
        raise Malformed(f"{info.name} in a shard isn't a regular file")
    if info.size > LARGEST_ITEM:
        raise Malformed(f"{info.name} in a shard is over {LARGEST_ITEM:,} bytes")
    file = tar.extractfile(info)
    assert file
    return file.read()
