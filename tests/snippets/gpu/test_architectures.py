"""The code that a CUDA library holds is read from the file; the pinned ONNX Runtime has code for the course's GPUs."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from snippets.gpu.architectures import CodeFor, code_in


def container(*entries: tuple[int, int]) -> bytes:
    """A container of code of (kind, architecture), each 8 bytes long behind a header of 64."""
    body = b"".join(
        struct.pack("<HHIQ", kind, 257, 64, 8) + bytes(12) + struct.pack("<I", architecture) + bytes(32) + b"machcode"
        for kind, architecture in entries
    )
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body


def test_every_container_of_a_library_is_read(tmp_path: Path) -> None:
    library = tmp_path / "lib.so"
    looks_like_one = struct.pack("<IHH", 0xBA55ED50, 7, 16)
    library.write_bytes(b"\x7fELF" + container((2, 60), (2, 80)) + looks_like_one + bytes(9) + container((1, 90)))
    assert code_in(library) == CodeFor(frozenset({60, 80}), frozenset({90}))
    assert str(code_in(library)) == "sm_60, sm_80, compute_90"


def test_a_library_without_gpu_code_and_one_that_is_cut_off_hold_none(tmp_path: Path) -> None:
    for content in (b"\x7fELF nothing", container((2, 60))[:-30], container((2, 60))[:6]):
        (tmp_path / "lib.so").write_bytes(content)
        assert code_in(tmp_path / "lib.so") == CodeFor(frozenset(), frozenset())
    assert str(code_in(tmp_path / "lib.so")) == "no GPU"


@pytest.mark.parametrize(
    ("capability", "runs"),
    # Machine code runs on the same major version and its later minors, ptx on anything newer.
    [
        ((6, 0), True),
        ((6, 1), True),
        ((5, 2), False),
        ((7, 0), False),
        ((8, 0), False),
        ((8, 6), True),
        ((12, 0), True),
    ],
)
def test_what_runs_where(capability: tuple[int, int], runs: bool) -> None:
    assert CodeFor(frozenset({60, 86}), frozenset({90})).runs_on(*capability) is runs


def test_the_pinned_onnxruntime_has_code_for_every_gpu_of_the_course() -> None:
    ort = pytest.importorskip("onnxruntime")
    library = Path(ort.__file__).parent / "capi" / "libonnxruntime_providers_cuda.so"
    if not library.is_file():
        pytest.skip("this onnxruntime was built without CUDA")
    code = code_in(library)
    for gpu, capability in {"P100": (6, 0), "A100": (8, 0), "H100": (9, 0)}.items():
        assert code.runs_on(*capability), f"no code for the {gpu}: {code}"
    # What this test would find out if the pin moved to a release that has dropped the P100.
    assert not CodeFor(code.sass - {60}, code.ptx).runs_on(6, 0)
