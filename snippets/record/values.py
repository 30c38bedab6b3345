"""How a run record's values become JSON: inputs as what identifies them, results with their arrays and artifacts."""

from __future__ import annotations

import dataclasses
import inspect
import io
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from snippets.errors import RecordError, UsageError
from snippets.files import is_storage_error, sha256_bytes, sha256_file, storage_error


def describe_input(value: Any, where: str) -> Any:
    """A JSON value that identifies `value` by its content: what a step's key is made of.

    JSON values stand for themselves; arrays, files and objects with a `fingerprint` stand as hashes.
    Raises UsageError, naming `where`, for an object whose content cannot be told.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return number if math.isfinite(number) else {"$float": repr(number)}
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.ndarray):
        digest = sha256_bytes(value.tobytes())
        return {"$array": digest, "dtype": str(value.dtype), "shape": list(value.shape)}
    if isinstance(value, Path):
        if not value.is_file():
            raise UsageError(f"The step's input {where} is no file: {value}. Make it first, or correct the path.")
        return {"$file": sha256_file(value), "name": value.name}
    fingerprint = getattr(value, "fingerprint", None)
    if fingerprint is not None:
        return {"$fingerprint": fingerprint() if callable(fingerprint) else fingerprint}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: describe_input(getattr(value, f.name), f"{where}.{f.name}") for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): describe_input(v, f"{where}[{k!r}]") for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [describe_input(v, f"{where}[{i}]") for i, v in enumerate(value)]
    if callable(value) and hasattr(value, "__qualname__") and "<lambda>" not in value.__qualname__:
        return {"$function": f"{value.__module__}.{value.__qualname__}"}
    raise UsageError(
        f"The step's input {where} is a {type(value).__name__}, whose content cannot be hashed. Call the step with "
        "inputs={...}: what decides its result, as numbers, text, arrays or file paths."
    )


def describe_call(
    fn: Callable[..., Any], args: tuple, kwargs: Mapping[str, Any], inputs: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What identifies a call of `fn`: its arguments by name, or `inputs` where given, as `describe_input` has them."""
    if inputs is not None:
        return {k: describe_input(v, k) for k, v in inputs.items()}
    try:
        bound: Mapping[str, Any] = inspect.signature(fn).bind(*args, **kwargs).arguments
    except ValueError:  # some builtins have no signature
        bound = {**{f"arg{i}": a for i, a in enumerate(args)}, **kwargs}
    return {k: describe_input(v, k) for k, v in bound.items()}


def encode(value: Any, folder: Path, save_array: Callable[[str, np.ndarray], dict], where: str = "") -> Any:
    """The JSON form of a step's result. Arrays go through `save_array`; paths must lie under `folder`."""
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise UsageError(f"The step's result {where or 'itself'} is an array of Python objects; use numbers.")
        return save_array(where, value)
    if isinstance(value, Path):
        return file_reference(value, folder)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str) or key.startswith("$"):
                raise UsageError(f"The step's result has the key {key!r}; keys are text that does not begin with $.")
        return {k: encode(v, folder, save_array, f"{where}.{k}".strip(".")) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(v, folder, save_array, f"{where}.{i}".strip(".")) for i, v in enumerate(value)]
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    raise UsageError(
        f"The step's result {where or 'itself'} is a {type(value).__name__}; return numbers, text, lists, dicts with "
        "text keys, numpy arrays, or paths under the run's folder."
    )


def decode(value: Any, folder: Path, load_array: Callable[[dict], np.ndarray]) -> Any:
    """What `encode` was given: references become arrays and paths again (tuples come back as lists)."""
    if isinstance(value, dict):
        if "$array" in value:
            return load_array(value)
        if "$file" in value:
            return folder / value["$file"]
        if "$float" in value:
            return float(value["$float"])
        return {k: decode(v, folder, load_array) for k, v in value.items()}
    if isinstance(value, list):
        return [decode(v, folder, load_array) for v in value]
    return value


def file_reference(path: Path, folder: Path) -> dict[str, Any]:
    """Where an artifact lies under the run's folder, its size in bytes and its SHA-256."""
    try:
        relative = path.resolve().relative_to(folder.resolve())
    except ValueError:
        raise UsageError(f"The artifact {path} is not under the run's folder {folder}; write it there.") from None
    if not path.is_file():
        raise UsageError(f"The step names the file {path}, but did not write it.")
    return {"$file": relative.as_posix(), "bytes": path.stat().st_size, "sha256": sha256_file(path)}


def save_array(folder: Path, relative: str, array: np.ndarray) -> dict[str, Any]:
    """Write `array` as .npy (no pickle) under `folder`; returns the reference that stands for it in JSON.

    The file is new: only the record's next line will name it, so that a kill leaves nothing half-written behind
    that anyone reads.
    """
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    data = buffer.getvalue()
    try:
        (folder / relative).write_bytes(data)
    except OSError as error:
        if is_storage_error(error):
            raise storage_error(error, folder / relative) from error
        raise
    return {
        "$array": relative,
        "dtype": str(array.dtype),
        "shape": list(array.shape),
        "sha256": sha256_bytes(data),
    }


def load_array(folder: Path, reference: dict[str, Any]) -> np.ndarray:
    """Read an array back, bit for bit as it was written. Raises RecordError if it is missing or was changed."""
    path = safe_path(folder, reference["$array"])
    remedy = "restore them, or measure again with --mode fresh"
    if not path.is_file():
        raise RecordError(f"The samples {path} are missing; {remedy}.")
    data = path.read_bytes()
    if sha256_bytes(data) != reference["sha256"]:
        raise RecordError(f"The samples {path} were changed after they were recorded; {remedy}.")
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, TypeError, MemoryError, OverflowError, RecursionError, SyntaxError):
        array = None
    if not isinstance(array, np.ndarray) or array.nbytes > len(data):
        raise RecordError(f"The samples {path} are no array of numbers; {remedy}.")
    return array


def safe_path(folder: Path, relative: str) -> Path:
    """`folder / relative`, refused if it would lead out of the folder (a forged record)."""
    path = folder / relative
    outside = Path(relative).is_absolute() or ".." in Path(relative).parts
    if outside or not path.resolve().is_relative_to(folder.resolve()):
        raise RecordError(f"The record names a file outside its folder: {relative!r}.")
    return path


def references(value: Any, kind: str) -> list[dict[str, Any]]:
    """All references of `kind` ("$array" or "$file") inside an encoded result."""
    if isinstance(value, dict):
        if kind in value:
            return [value]
        return [r for v in value.values() for r in references(v, kind)]
    if isinstance(value, list):
        return [r for v in value for r in references(v, kind)]
    return []
