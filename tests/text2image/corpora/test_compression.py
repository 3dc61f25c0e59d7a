"""Compressed files: every kind reads the same, damage is named."""

import bz2
import gzip
import lzma
import zipfile

import pytest

from tests.support.row_files import read, write
from text2image.corpora import row_sources

TABLE = "text,label\n" + "".join(
    f"the film number {number},pos\n" for number in range(2000)
)
ROWS = [(f"the film number {number}", "pos") for number in range(2000)]
COMPRESS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def pack(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("suffix", [*COMPRESS, ".GZ"])
def test_a_compressed_file_reads_as_the_file(tmp_path, suffix):
    content = COMPRESS[suffix.lower()](TABLE.encode())
    path = write(tmp_path / f"a.csv{suffix}", content)
    assert read(path) == ROWS
    assert row_sources.open_rows(str(path)).name == "a"


def test_a_zip_file_of_one_member_reads_as_the_member(tmp_path):
    members = {"b.csv": TABLE, "__MACOSX/._b.csv": "x", "dir/": ""}
    assert read(pack(tmp_path / "a.zip", members)) == ROWS
    jsonl = {"x/b.jsonl": '{"text": "a", "label": 1}\n'}
    assert read(pack(tmp_path / "b.zip", jsonl)) == [("a", 1)]


def test_the_members_of_a_zip_file_with_several_are_named(tmp_path):
    path = pack(tmp_path / "a.zip", {"b.csv": TABLE, "c.csv": TABLE})
    with pytest.raises(ValueError, match=r"'b\.csv', 'c\.csv'.*Unpack"):
        read(path)
    with pytest.raises(ValueError, match="Received: 0"):
        read(pack(tmp_path / "b.zip", {}))


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("damage", ["cut", "other"])
def test_a_damaged_archive_is_named(tmp_path, suffix, damage):
    content = COMPRESS[suffix](TABLE.encode())
    content = content[: len(content) // 2] if damage == "cut" else b"text,label"
    path = write(tmp_path / f"a.csv{suffix}", content)
    with pytest.raises(ValueError, match=r"a\.csv\.\w+: .*damaged or trunc"):
        read(path)


def test_a_damaged_zip_file_is_named(tmp_path):
    path = pack(tmp_path / "a.zip", {"b.csv": TABLE})
    content = path.read_bytes()
    write(path, content[:-30])
    with pytest.raises(ValueError, match="damaged or truncated"):
        read(path)
    write(path, content[:200] + b"\0" * 50 + content[250:])
    with pytest.raises(ValueError, match="damaged or truncated"):
        read(path)
