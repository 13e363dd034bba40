import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import shards
from shared.errors import Malformed
from shared.shards import MOST_ITEMS, Item, pack, unpack


@given(st.lists(st.binary(max_size=2000), max_size=16))
def test_what_is_packed_is_unpacked(contents: list[bytes]) -> None:
    items = [Item(f"{n:06}.jpg", data) for n, data in enumerate(contents)]
    assert unpack(pack(items)) == items


def test_any_tar_tool_opens_a_shard() -> None:
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
    with pytest.raises(Malformed, match="isn't a regular file"):
        unpack(out.getvalue())


def spoiled(info: tarfile.TarInfo, data: bytes = b"", pax: dict[str, str] | None = None) -> bytes:
    """A shard with one hostile member."""
    out = io.BytesIO()
    info.size = len(data)
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info.pax_headers = pax or {}
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize(
    "kind", [tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE, tarfile.CHRTYPE]
)
def test_only_regular_members_are_items(kind: bytes) -> None:
    info = tarfile.TarInfo("000000.jpg")
    info.type, info.linkname = kind, "000000.jpg"
    with pytest.raises(Malformed, match="isn't a regular file"):
        unpack(spoiled(info))


def test_a_sparse_member_isnt_filled_with_zeros() -> None:
    """A few bytes that claim eight gigabytes, and that `isreg` takes for a regular file."""
    pax = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.name": "000000.jpg",
        "GNU.sparse.size": str(8 << 30),
        "GNU.sparse.map": "0,3",
    }
    with pytest.raises(Malformed, match="isn't a regular file"):
        unpack(spoiled(tarfile.TarInfo("x"), b"abc", pax))


def test_an_item_over_the_limit_is_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "LARGEST_ITEM", 4)
    assert unpack(pack([Item("a", b"1234")]))
    with pytest.raises(Malformed, match="over 4 bytes"):
        unpack(pack([Item("a", b"12345")]))


def test_more_items_than_a_shard_has_are_malformed() -> None:
    items = [Item(f"{n:06}.jpg", b"") for n in range(MOST_ITEMS + 1)]
    assert len(unpack(pack(items[:-1]))) == MOST_ITEMS
    with pytest.raises(Malformed, match="over 1000 items"):
        unpack(pack(items))
