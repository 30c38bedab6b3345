"""onnxruntime-web comes by npm, is the pinned one, and small; what is missing or changed is said with the remedy."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from snippets.edge.browser import vendor
from snippets.edge.browser.vendor import Package
from snippets.errors import DataError, ToolMissing


def archive(folder: Path, content: bytes) -> Path:
    file = folder / "thing-1.0.tgz"
    with tarfile.open(file, "w:gz") as packed:
        for name, data in (("package/dist/a.wasm", content), ("package/README.md", b"more")):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
    return file


@pytest.fixture
def wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Package, Path]:
    """A package and its archive."""
    monkeypatch.setenv("SERVELAB_CACHE", str(tmp_path / "cache"))
    file = archive(tmp_path, b"\0asm")
    digest = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
    files = {"package/dist/a.wasm": hashlib.sha256(b"\0asm").hexdigest()}
    return Package("thing", "1.0", f"sha512-{digest}", files), file


def test_only_what_the_page_needs_is_kept_and_fetched_once(wanted: tuple[Package, Path]) -> None:
    package, file = wanted
    asked: list[str] = []

    def npm(name: str, folder: Path) -> Path:
        asked.append(name)
        return file

    assert "run `make browser`" in vendor.absence(package)
    for _ in range(2):
        folder = vendor.vendor(package, npm)
    assert asked == ["thing@1.0"] and [path.name for path in folder.iterdir()] == ["a.wasm"]
    assert vendor.absence(package) == "" and vendor.size_bytes(package) == 4


def test_another_archive_than_the_pinned_one_is_not_kept(wanted: tuple[Package, Path], tmp_path: Path) -> None:
    package, _ = wanted
    (tmp_path / "other").mkdir()
    other = archive(tmp_path / "other", b"evil")
    with pytest.raises(DataError, match="another thing 1.0 than the pinned one.*Nothing was kept"):
        vendor.vendor(package, lambda name, folder: other)
    assert not package.folder.exists()


def test_a_file_that_was_changed_is_named_and_replaced(wanted: tuple[Package, Path]) -> None:
    package, file = wanted
    kept = vendor.vendor(package, lambda name, folder: file) / "a.wasm"
    kept.write_bytes(b"\0asn")
    assert str(kept) in vendor.absence(package) and "was changed" in vendor.absence(package)
    vendor.vendor(package, lambda name, folder: file)
    assert vendor.absence(package) == ""


def test_without_npm_its_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="npm is not installed.*sudo apt-get install npm"):
        vendor.npm_pack("thing@1.0", tmp_path)


def test_what_npm_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error 404 no such package' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(DataError, match="could not fetch thing@1.0 .npm error 404 no such package.*Check the network"):
        vendor.npm_pack("thing@1.0", tmp_path)


def test_the_pinned_package_is_whole_in_its_table_and_names_no_host() -> None:
    package = vendor.package()
    assert package.integrity.startswith("sha512-") and len(base64.b64decode(package.integrity[7:])) == 64
    assert package.version.count(".") == 2 and all(len(digest) == 64 for digest in package.files.values())
    assert "http" not in vendor.TABLE.read_text()


@pytest.mark.skipif(bool(vendor.absence()), reason="onnxruntime-web is not here: make browser")
def test_it_is_no_larger_than_a_page_may_load() -> None:
    assert vendor.size_bytes() <= vendor.MOST_BYTES
