"""A shard: a few items in one plain tar, since a blob per item costs more than scoring it."""

import io
import tarfile
from collections.abc import Iterable
from typing import NamedTuple

from shared.errors import Malformed

#: About a second of film.
SHARD_ITEMS = 25


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
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            return [Item(info.name, _content(tar, info)) for info in tar]
    except tarfile.TarError as error:
        raise Malformed(f"a shard isn't a tar: {error}") from error


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(info)
    if file is None:
        raise Malformed(f"{info.name} in a shard isn't a file")
    return file.read()
