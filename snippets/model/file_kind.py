"""What a file really is when it is not what its name says: the usual accidents of downloading weights."""

from __future__ import annotations

import zipfile
from pathlib import Path

from snippets.errors import ModelError

HEAD = 512
LFS = b"version https://git-lfs.github.com/spec/"


def refuse_accidents(path: Path) -> None:
    """Raise ModelError, with the remedy, for a Git LFS pointer, a web page, an empty file or TorchScript."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    start = head.lstrip().lower()
    if not head:
        raise ModelError(f"{path} is empty. Copy or download it again.")
    if head.startswith(LFS):
        raise ModelError(
            f"{path} is a Git LFS pointer, a note that says where the weights are, and not the weights. Run "
            "`git lfs install` and `git lfs pull` in its repository, or download the file from the repository's page."
        )
    if start.startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise ModelError(
            f"{path} is a web page that was saved under that name. Use the link of its download button (on GitHub: "
            "`Raw`, on a drive: the direct link), and look at the size of what comes."
        )
    if start.startswith(b'{"') and b"error" in start:
        raise ModelError(
            f"{path} is a server's error message ({head[:80].decode(errors='replace')}...). Download it again."
        )
    if is_torchscript(path):
        raise ModelError(
            f"{path} is TorchScript: a program, not weights. Where the model was made, save its weights with "
            "torch.save(model.state_dict(), 'weights.pth'), or export it with torch.onnx.export(model, images, "
            "'model.onnx') and give that file."
        )


def is_torchscript(path: Path) -> bool:
    """Whether a file is an archive of torch.jit.save, or of torch.export."""
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False
    inside = {name.partition("/")[2] for name in names}
    return "constants.pkl" in inside or "archive_format" in inside or any(name.startswith("code/") for name in inside)
