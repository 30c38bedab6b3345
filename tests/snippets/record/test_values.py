"""How values become JSON and files: inputs by their content, arrays bit for bit, and what was encoded comes back."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snippets.errors import RecordError, StorageError, UsageError
from snippets.files import sha256_file
from snippets.record.values import (
    decode,
    describe_call,
    describe_input,
    encode,
    file_reference,
    load_array,
    references,
    safe_path,
    save_array,
)

ARRAYS = {
    "floats": np.linspace(0, 1, 7),
    "scalar": np.array(3),
    "empty": np.empty((0, 4), np.float32),
    "fortran": np.asfortranarray(np.arange(12).reshape(3, 4)),
    "strided": np.arange(20)[::3],
    "bytes": np.array([1, 2], ">i2"),
    "named": np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
    "odd": np.array([math.nan, -0.0, math.inf]),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_comes_back_bit_for_bit(tmp_path: Path, name: str) -> None:
    array = ARRAYS[name]
    reference = save_array(tmp_path, "a.npy", array)
    back = load_array(tmp_path, reference)
    assert back.dtype == array.dtype and back.shape == array.shape and back.tobytes() == array.tobytes()
    assert reference == {
        "$array": "a.npy",
        "dtype": str(array.dtype),
        "shape": list(array.shape),
        "sha256": sha256_file(tmp_path / "a.npy"),
    }
    plain = np.load(tmp_path / "a.npy", allow_pickle=False)
    assert plain.tobytes() == array.tobytes()


def test_an_array_replaces_what_a_killed_step_left_under_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(b"x" * 10_000)
    reference = save_array(tmp_path, "a.npy", np.arange(3))
    assert load_array(tmp_path, reference).tolist() == [0, 1, 2]


def test_an_array_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        save_array(tmp_path, "none/a.npy", np.arange(3))
    full = Path("/dev/full")
    if full.exists():
        with pytest.raises(StorageError, match="The disk is full: /dev/full .*free some space"):
            save_array(full.parent, "full", np.arange(3))


@dataclasses.dataclass
class Setting:
    threads: int
    rate: float


class Printed:
    fingerprint = "f1"


class PrintedOnDemand:
    def fingerprint(self) -> str:
        return "f2"


@pytest.mark.parametrize(
    ("value", "described"),
    [
        (None, None),
        (True, True),
        (3, 3),
        ("x", "x"),
        (1.5, 1.5),
        (math.inf, {"$float": "inf"}),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        ((1, [2]), [1, [2]]),
        ({1: "a"}, {"1": "a"}),
        (Setting(2, 0.5), {"threads": 2, "rate": 0.5}),
        (Printed(), {"$fingerprint": "f1"}),
        (PrintedOnDemand(), {"$fingerprint": "f2"}),
        (sha256_file, {"$function": "snippets.files.sha256_file"}),
    ],
)
def test_an_input_is_described_by_its_content(value: Any, described: Any) -> None:
    found = describe_input(value, "x")
    assert found == described and type(found) is type(described)


def test_arrays_and_files_are_described_by_their_hash(tmp_path: Path) -> None:
    array = np.arange(4, dtype=np.int16)
    assert describe_input(array, "x") == {
        "$array": hashlib.sha256(array.tobytes()).hexdigest(),
        "dtype": "int16",
        "shape": [4],
    }
    (tmp_path / "m.onnx").write_bytes(b"m")
    assert describe_input(tmp_path / "m.onnx", "x") == {"$file": hashlib.sha256(b"m").hexdigest(), "name": "m.onnx"}
    with pytest.raises(UsageError, match="input x is no file: .*gone"):
        describe_input(tmp_path / "gone", "x")


def test_an_input_whose_content_cannot_be_told_is_named_by_its_place() -> None:
    for value, where in (
        ({"a": [0, object()]}, r"x\['a'\]\[1\]"),
        (Setting(object(), 1.0), r"x\.threads"),  # type: ignore[arg-type]
        (lambda: 1, "x"),
    ):
        with pytest.raises(UsageError, match=f"input {where} is a .*inputs="):
            describe_input(value, "x")


def test_a_call_is_described_by_its_arguments_names() -> None:
    def measure(model: str, threads: int = 1, **more: int) -> None: ...

    assert describe_call(measure, ("m",), {"threads": 2}, None) == {"model": "m", "threads": 2}
    assert describe_call(measure, ("m",), {}, {"other": (1,)}) == {"other": [1]}
    assert describe_call(max, (3, 4), {"key": None}, None) == {"arg0": 3, "arg1": 4, "key": None}


def test_what_was_encoded_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m").write_bytes(b"abc")
    value = {
        "p50": np.float64(1.5),
        "n": np.int32(2),
        "ok": True,
        "odd": [math.inf, -math.inf, None],
        "t": (1, "ü"),
        "file": tmp_path / "models" / "m",
        "deep": {"samples": [np.arange(3)]},
    }
    kept: dict[str, np.ndarray] = {}

    def keep(where: str, array: np.ndarray) -> dict[str, Any]:
        kept[where] = array
        return {"$array": where}

    encoded = encode(value, tmp_path, keep)
    assert list(kept) == ["deep.samples.0"]
    assert encoded["file"] == {"$file": "models/m", "bytes": 3, "sha256": hashlib.sha256(b"abc").hexdigest()}
    assert encoded["odd"] == [{"$float": "inf"}, {"$float": "-inf"}, None]
    decoded = decode(encoded, tmp_path, lambda reference: kept[reference["$array"]])
    assert decoded == {**value, "t": [1, "ü"], "deep": {"samples": [kept["deep.samples.0"]]}}
    assert math.isnan(decode(encode(math.nan, tmp_path, keep), tmp_path, load_array))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"$array": 1}, "key '\\$array'"),
        ({1: 2}, "the key 1"),
        (object(), "result itself is a object"),
        ([object()], "result 0 is a object"),
        ({"X": object()}, "result X is a object"),
        ({"a": [object()]}, "result a.0 is a object; return numbers"),
        (np.array([None]), "result itself is an array of Python objects"),
    ],
)
def test_a_result_that_cannot_be_kept_is_named(tmp_path: Path, value: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        encode(value, tmp_path, lambda where, array: {})


def test_an_artifact_lies_under_the_run_and_was_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not under the run's folder"):
        file_reference(tmp_path.parent / "x", tmp_path)
    with pytest.raises(UsageError, match="but did not write it"):
        file_reference(tmp_path / "x", tmp_path)


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "samples/../../x"])
def test_a_path_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordError, match="names a file outside its folder"):
        safe_path(tmp_path, name)
    assert safe_path(tmp_path, "samples/..x") == tmp_path / "samples" / "..x"


def test_references_are_found_however_deep() -> None:
    first, second = {"$array": "a"}, {"$array": "b"}
    value = {"x": first, "y": [{"z": second}, 3, {"$file": "f"}], "w": None}
    assert references(value, "$array") == [first, second]
    assert references(value, "$file") == [{"$file": "f"}] and references(7, "$file") == []


def test_an_array_of_python_objects_is_neither_written_nor_read_since_reading_it_could_run_anything(
    tmp_path: Path,
) -> None:
    objects = np.array([{"a": 1}], dtype=object)
    with pytest.raises(ValueError, match="allow_pickle"):
        save_array(tmp_path, "a.npy", objects)
    np.save(tmp_path / "b.npy", objects, allow_pickle=True)
    with pytest.raises(RecordError, match=r"b\.npy are no array of numbers; restore them, or measure again"):
        load_array(tmp_path, {"$array": "b.npy", "sha256": sha256_file(tmp_path / "b.npy")})


def test_changed_samples_are_named_with_the_remedy(tmp_path: Path) -> None:
    reference = save_array(tmp_path, "a.npy", np.arange(3))
    np.save(tmp_path / "a.npy", np.arange(4))
    with pytest.raises(RecordError, match=r"a\.npy were changed after they were recorded; restore them, or measure"):
        load_array(tmp_path, reference)


def test_an_input_that_cannot_be_told_is_named_with_its_type() -> None:
    class Camera:
        pass

    for args, inputs in (((Camera(),), None), ((7,), {"source": Camera()})):
        with pytest.raises(UsageError, match="The step's input source is a Camera, whose content cannot be hashed"):
            describe_call(lambda source: source, args, {}, inputs)


def test_finite_numbers_stand_for_themselves_and_files_in_a_list_are_found(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"x")
    assert encode([1.5, np.float32(2.5), -0.0], tmp_path, lambda *_: {}) == [1.5, 2.5, 0.0]
    encoded = encode([tmp_path / "m"], tmp_path, lambda *_: {})
    assert encoded == [file_reference(tmp_path / "m", tmp_path)]
    assert decode(encoded, tmp_path, lambda _: np.empty(0)) == [tmp_path / "m"]
