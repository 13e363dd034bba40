import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Malformed
from shared.shards import Item, pack, unpack


@given(st.lists(st.binary(max_size=2000), max_size=16))
def test_what_is_packed_is_unpacked(contents: list[bytes]) -> None:
    items = [Item(f"{n:06}.jpg", data) for n, data in enumerate(contents)]
    assert unpack(pack(items)) == items


def test_any_tool_opens_it() -> None:
    with tarfile.open(fileobj=io.BytesIO(pack([Item("000000.jpg", b"abc")]))) as tar:
        assert tar.getnames() == ["000000.jpg"]


@given(st.binary(max_size=2000))
def test_garbage_is_malformed_or_empty(data: bytes) -> None:
    try:
        unpack(data)
    except Malformed as error:
        assert str(error)


def test_a_folder_in_a_shard_is_malformed() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("x")
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
    with pytest.raises(Malformed, match="isn't a file"):
        unpack(out.getvalue())
