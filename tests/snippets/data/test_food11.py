"""An archive becomes class folders or one clear error."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile

import pytest
from PIL import Image

from snippets.data import food11
from snippets.data.datasets import dataset
from snippets.data.food11 import ArchiveSource, fetch, read_sources, unpack
from snippets.errors import DataError


def jpeg(shade: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 48), (shade, 90, 30)).save(stream, "JPEG")
    return stream.getvalue()


def entries(top: str = "") -> dict[str, bytes]:
    """What the original archive holds, in small: three splits, flat names."""
    return {
        f"{top}{split}/{label}_{number}.jpg": jpeg(20 * label + number)
        for split in ("training", "validation", "evaluation")
        for label in range(11)
        for number in range(2)
    }


def zipped(content: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return stream.getvalue()


def tarred(content: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("top", ["", "Food-11/", "./data/food11/"])
def test_flat_names_are_sorted_into_class_folders(tmp_path, pack, top):
    extra = {f"{top}readme.txt": b"x", "__MACOSX/training/._0_0.jpg": b"x", f"{top}training/notes.jpg": b"x"}
    (tmp_path / "a").write_bytes(pack(entries(top) | extra))
    folder = unpack(tmp_path / "a", tmp_path / "set", 66)
    assert len(list(folder.rglob("*.jpg"))) == 66
    assert (folder / "training" / "Noodles-Pasta" / "6_1.jpg").read_bytes() == jpeg(121)
    found = dataset(folder, tmp_path / "cache")
    assert len(found.classes) == 11 and found.split("evaluation").labels.tolist() == [n // 2 for n in range(22)]


def test_class_folders_in_the_archive_are_kept(tmp_path):
    (tmp_path / "a").write_bytes(zipped({"x/training/class_03/a.jpg": jpeg(1), "x/test/class_03/b.jpg": jpeg(2)}))
    folder = unpack(tmp_path / "a", tmp_path / "set")
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))
    assert files == ["evaluation/class_03/b.jpg", "training/class_03/a.jpg"]


@pytest.mark.parametrize(
    "name",
    [
        "../training/0_1.jpg",
        "/training/0_1.jpg",
        "training/../../0_1.jpg",
        "training\\..\\..\\0_1.jpg",
        "C:/training/0_1.jpg",
    ],
)
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_entry_that_points_outside_is_refused(tmp_path, pack, name):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a").write_bytes(pack({name: jpeg(1)}))
    with pytest.raises(DataError, match="points outside"):
        unpack(tmp_path / "inner" / "a", tmp_path / "inner" / "set")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "inner"]


def test_links_in_a_tar_are_not_followed(tmp_path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        link = tarfile.TarInfo("training/0_1.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    (tmp_path / "a").write_bytes(stream.getvalue())
    with pytest.raises(DataError, match="holds 0 pictures"):
        unpack(tmp_path / "a", tmp_path / "set")


def test_too_few_pictures_are_an_error_and_leave_nothing(tmp_path):
    (tmp_path / "a").write_bytes(zipped(entries()))
    with pytest.raises(DataError, match="holds 66 pictures .* instead of 16,643"):
        unpack(tmp_path / "a", tmp_path / "set", 16_643)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"<html>sign in</html>", lambda b: b""])
def test_a_damaged_archive_is_removed_and_named(tmp_path, damage):
    (tmp_path / "a").write_bytes(damage(zipped(entries())))
    with pytest.raises(DataError, match="is damaged"):
        unpack(tmp_path / "a", tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def test_a_flipped_byte_inside_a_picture_is_noticed(tmp_path):
    content = bytearray(zipped(entries()))
    content[200] ^= 0xFF
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match="is damaged"):
        unpack(tmp_path / "a", tmp_path / "set")


def test_an_absurdly_large_entry_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(food11, "MAX_PICTURE_BYTES", 100)
    (tmp_path / "a").write_bytes(zipped(entries()))
    with pytest.raises(DataError, match="no picture of Food-11 does"):
        unpack(tmp_path / "a", tmp_path / "set")


def test_food11_by_name_uses_the_course_own_list_of_sources(mirror, tmp_path, monkeypatch):
    mirror.content = zipped(entries("Food-11/"))
    mirror.cut_after = [5000]
    checksum = hashlib.sha256(mirror.content).hexdigest()
    (tmp_path / "own.toml").write_text(
        f'pictures = 66\n[[source]]\nname = "broken"\nurl = "{mirror.url}/none"\nsha256 = "{"0" * 64}"\n'
        f'[[source]]\nname = "ours"\nurl = "{mirror.url}"\nsha256 = "{checksum}"\n'
    )
    monkeypatch.setenv("SERVELAB_FOOD11", str(tmp_path / "own.toml"))
    found = dataset("food11", tmp_path / "cache")
    assert found.classes[6] == "Noodles-Pasta" and len(found.split("training").labels) == 22
    asked = len(mirror.asked)
    dataset("food11", tmp_path / "cache")
    assert len(mirror.asked) == asked
    assert [path.name for path in (tmp_path / "cache").iterdir() if path.is_file()] == []


def test_when_no_source_works_each_ones_reason_is_told(mirror, tmp_path):
    mirror.statuses = [404, 403]
    sources = [ArchiveSource("first", mirror.url), ArchiveSource("second", mirror.url)]
    with pytest.raises(DataError, match=r"(?s)first: .*404.*second: .*403.*data=rehearsal"):
        fetch(tmp_path / "food11", sources, 0, pause_s=0)


def test_the_shipped_list_names_https_sources_of_the_whole_set():
    sources, pictures = read_sources()
    assert pictures == 16_643 and sources
    assert all(source.url.startswith("https://") and source.name for source in sources)


@pytest.mark.parametrize("content", ["pictures = 1", "not toml [", '[[source]]\nnom = "x"'])
def test_an_unusable_list_of_sources_is_named(tmp_path, content):
    (tmp_path / "own.toml").write_text(content)
    with pytest.raises(DataError, match=r"own\.toml is not a list"):
        read_sources(tmp_path / "own.toml")
