"""Execution providers: the same ONNX file on a CPU, on OpenVINO, on a GPU through CUDA, TensorRT or ROCm.

    model = session("models/fp32.onnx", "cpu", threads=2, level="all")
    logits = model(batch)                    # float32 (N,3,224,224) -> float32 (N,classes)
    model = session("models/fp32.onnx", "openvino", threads=2, tuning=Tuning(streams=True))

ONNX Runtime falls back to the CPU without a word when a GPU provider fails to load. Here a provider that
was asked for and not got raises ProviderError with the reason. Needs numpy and onnxruntime only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from snippets.engine.placement import Placement, events_of, judge
from snippets.engine.streams import PLAIN, Tuning, in_a_queue, side_by_side
from snippets.errors import ModelError, ProviderError, ToolMissing, UsageError, first_line, reason_of
from snippets.machine import gpu_libraries
from snippets.machine.host import thread_count

PROVIDERS = ("cpu", "openvino", "cuda", "tensorrt", "rocm", "migraphx")
AMD = ("rocm", "migraphx")
ORT_NAMES = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "rocm": "ROCMExecutionProvider",
    "migraphx": "MIGraphXExecutionProvider",
}
PACKAGES = {"rocm": "AMD's onnxruntime-rocm", "migraphx": "AMD's onnxruntime-migraphx or onnxruntime-rocm"}
"""Which build of ONNX Runtime has a provider, where it is not onnxruntime-gpu."""
# The levels as ONNX Runtime stacks them: each one includes those before it.
LEVELS = ("none", "basic", "extended", "all")
ERRORS_ONLY = 3
Asked = tuple[str, dict[str, Any]]
"""One of `providers` as ONNX Runtime takes them: its name there, and options."""
# Batches that a TensorRT engine is built for, so that no size builds another one in the middle of a measurement.
TENSORRT_BATCHES = {"min": 1, "opt": 8, "max": 64}


@dataclass(frozen=True)
class Model:
    """A loaded model, ready to run. Call it with float32 (N,3,H,W) to get float32 logits (N,classes)."""

    path: Path
    provider: str
    threads: int
    level: str
    run: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    detail: str = ""

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return self.run(batch)


def session(
    path: str | os.PathLike[str],
    provider: str = "cpu",
    *,
    threads: int = 0,
    level: str = "all",
    optimized: str | os.PathLike[str] | None = None,
    tuning: Tuning = PLAIN,
) -> Model:
    """Load an ONNX file on one provider.

    `threads`: threads within an operator, or with `tuning.streams` in all; 0 for one a physical core. `level`: graph
    optimizations of ONNX Runtime (none, basic, extended, all), applied to the file as it is: give it a file that was
    not optimized before, or the levels below it are not off. `optimized`: also write the optimized graph to that path.
    `tuning`: streams are for CPUs (providers cpu and openvino), bf16 is for openvino where the CPU has it, fp16 for
    tensorrt. Plain float32 on a GPU from Ampere on is TF32 in convolutions, as NVIDIA's libraries do by default.
    Raises UsageError, ModelError (no such file, unreadable) and ProviderError (asked for and not got).
    """
    path = Path(path)
    if provider not in PROVIDERS:
        raise UsageError(f"There is no provider {provider!r}. Choose one of {', '.join(PROVIDERS)}.")
    if level not in LEVELS:
        raise UsageError(f"There is no optimization level {level!r}. Choose one of {', '.join(LEVELS)}.")
    if not path.is_file():
        raise ModelError(f"There is no model file {path}. Export it first (notebook 1_baseline, or export_onnx).")
    fits = {"streams": ("cpu", "openvino"), "bf16": ("openvino",), "fp16": ("tensorrt",)}
    if any(getattr(tuning, what) and provider not in those for what, those in fits.items()):
        raise UsageError(
            f"The provider {provider!r} cannot be tuned so: streams are for cpu and openvino, bf16 for openvino, "
            "fp16 for tensorrt."
        )
    reason = absence(provider) or (bf16_absence() if tuning.bf16 else "")
    if reason:
        raise ProviderError(_not_available(provider, reason))
    if provider == "openvino":
        return _openvino(path, thread_count(threads), tuning)
    if tuning.streams:
        count = thread_count(threads)
        each = [_onnxruntime(path, _stack(path, provider), 1, level, optimized) for _ in range(count)]
        run = side_by_side([one.run for one in each])
        return Model(path, provider, count, level, run, f"{each[0].detail}, {count} sessions of 1 thread")
    return _onnxruntime(path, _stack(path, provider, tuning.fp16), thread_count(threads), level, optimized)


def one_by_one(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The file as a function from images (N,3,H,W) to logits (N,classes): on the CPU, one thread, an image at a time.

    It is loaded when it is asked.
    """

    def logits(images: np.ndarray) -> np.ndarray:
        model = session(path, "cpu", threads=1)
        return np.concatenate([model(images[place : place + 1]) for place in range(len(images))])

    return logits


@lru_cache(maxsize=8)
def absence(provider: str) -> str:
    """Why a provider cannot be used on this machine, in words; empty when it can."""
    if provider == "openvino":
        try:
            import openvino  # noqa: F401
        except ImportError as error:
            return f"the openvino package does not import ({error})"
        return ""
    import onnxruntime as ort

    name = ORT_NAMES.get(provider, provider)
    if name not in ort.get_available_providers():
        package = PACKAGES.get(provider, "the onnxruntime-gpu package")
        return f"this onnxruntime ({ort.__version__}) was built without {name}; {package} has it"
    if provider in ("cuda", "tensorrt"):
        return gpu_libraries.absence(provider)
    if provider in AMD:
        return gpu_libraries.amd_absence(provider)
    return ""


@lru_cache(maxsize=1)
def bf16_absence() -> str:
    """Why bfloat16 would bring nothing on this CPU, in words; empty when it has instructions for it."""
    if reason := absence("openvino"):
        return reason
    import openvino as ov

    able = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "" if "BF16" in able else f"this CPU has no bfloat16 instructions (OpenVINO finds {', '.join(able)})"

    return ""


def available() -> dict[str, str]:
    """Every provider of this kit with the reason why it is absent here, or an empty text; AMD's where such a GPU is."""
    shown = [provider for provider in PROVIDERS if provider not in AMD or gpu_libraries.has_amd_gpu()]
    return {provider: absence(provider) for provider in shown}


def insist(names: Sequence[str], reasons: Mapping[str, str]) -> None:
    """Raise ProviderError for the first of these providers that is absent, by the `reasons` that `available` gave, and
    UsageError for a name that is none."""
    for name in names:
        if name not in PROVIDERS:
            raise UsageError(f"There is no provider {name!r}. Choose one of {', '.join(PROVIDERS)}.")
        if reason := reasons.get(name, f"there is no driver of an AMD GPU ({gpu_libraries.KFD} is missing)"):
            raise ProviderError(_not_available(name, reason))


def _not_available(provider: str, reason: str) -> str:
    return (
        f"The provider {provider!r} was asked for and is not available: {reason}. "
        "Choose another provider; nothing was run on the CPU in its place."
    )


def session_options(threads: int, level: str) -> Any:
    """onnxruntime.SessionOptions with threads pinned, one optimization level and nothing printed."""
    import onnxruntime as ort

    graph = ort.GraphOptimizationLevel
    options = ort.SessionOptions()
    options.graph_optimization_level = {
        "none": graph.ORT_DISABLE_ALL,
        "basic": graph.ORT_ENABLE_BASIC,
        "extended": graph.ORT_ENABLE_EXTENDED,
        "all": graph.ORT_ENABLE_ALL,
    }[level]
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    # Threads of a session keep spinning after a call and would slow the next session that is measured.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


def _onnxruntime(
    path: Path, stack: Sequence[Asked], threads: int, level: str, optimized: str | os.PathLike[str] | None
) -> Model:
    import onnxruntime as ort

    wanted, settings = stack[0]
    provider = next(provider for provider, name in ORT_NAMES.items() if name == wanted)

    options = session_options(threads, level)
    if optimized is not None:
        options.optimized_model_filepath = os.fspath(optimized)
    try:
        loaded = ort.InferenceSession(os.fspath(path), options, providers=list(stack))
    except Exception as error:  # onnxruntime's exceptions share no base but Exception
        if provider != "cpu" and not _loads_on_cpu(path):
            provider = "cpu"
        if provider == "cpu":
            raise ModelError(
                f"{path} does not load in ONNX Runtime: {reason_of(error)}. Check that it is a whole ONNX file."
            ) from error
        raise ProviderError(
            f"The provider {provider!r} was asked for and refused {path.name}: "
            f"{first_line(error)}. Nothing was run on the CPU in its place."
        ) from error
    got = loaded.get_providers()
    if got[0] != wanted:
        raise ProviderError(
            f"The provider {provider!r} was asked for; ONNX Runtime fell back to {got[0]}. "
            "Check the driver and its libraries (servelab doctor)."
        )
    if provider != "cpu":
        require_placement(path, provider, level)
    name = loaded.get_inputs()[0].name

    def run(batch: np.ndarray) -> np.ndarray:
        return loaded.run(None, {name: batch})[0]

    detail = f"ONNX Runtime {ort.__version__}, {wanted}"
    if provider != "cpu":
        detail += ", float16" if settings.get("trt_fp16_enable") else ", float32 (TF32 where the GPU has it)"
    return Model(path, provider, threads, level, run, detail)


def _stack(path: Path, provider: str, fp16: bool = False) -> list[Asked]:
    """What InferenceSession is given as `providers`, the one that is asked for first."""
    if provider != "tensorrt":
        return [(ORT_NAMES[provider], {})]
    cache = path.parent / "tensorrt"
    cache.mkdir(exist_ok=True)
    options: dict[str, Any] = {
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(cache),
        "trt_timing_cache_enable": True,
        "trt_timing_cache_path": str(cache),
        **({"trt_fp16_enable": True} if fp16 else {}),
        **profile_shapes(path),
    }
    return [(ORT_NAMES["tensorrt"], options), (ORT_NAMES["cuda"], {})]


def profile_shapes(path: Path) -> dict[str, str]:
    """TensorRT's range of batches for a graph whose batch is free; nothing for a fixed one."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    weights = {tensor.name for tensor in graph.initializer}
    value = next(value for value in graph.input if value.name not in weights)
    batch, *rest = value.type.tensor_type.shape.dim
    if batch.HasField("dim_value") or not all(size.HasField("dim_value") for size in rest):
        return {}
    sizes = "x".join(str(size.dim_value) for size in rest)
    return {f"trt_profile_{end}_shapes": f"{value.name}:{n}x{sizes}" for end, n in TENSORRT_BATCHES.items()}


def placement(path: str | os.PathLike[str], provider: str, level: str = "all") -> dict[str, Any]:
    """Where each node runs when `provider` is asked for: `Placement.facts()`, from a profiled run on zeros."""
    path = Path(path)
    return _placement(path, path.stat().st_mtime_ns, provider, level).facts()


@lru_cache(maxsize=32)
def _placement(path: Path, _written: int, provider: str, level: str) -> Placement:
    return judge(events_of(path, session_options(1, level), _stack(path, provider)))


def require_placement(path: Path, provider: str, level: str) -> None:
    """Raise ProviderError unless the provider runs all of the graph but shape arithmetic."""
    found = _placement(path, path.stat().st_mtime_ns, provider, level)
    if found.refused:
        names = ", ".join(found.refused[:4]) + (", ..." if len(found.refused) > 4 else "")
        raise ProviderError(
            f"The provider {provider!r} was asked for, and ONNX Runtime ran {len(found.refused)} of the "
            f"{sum(found.nodes.values())} nodes of {path.name} on the CPU: {names}. A measurement would be of both, so "
            "none is made. Export the model with operations that the provider has (a newer opset often does), or "
            "choose another provider."
        )
    if not found.nodes.get(ORT_NAMES[provider]):
        raise ProviderError(
            f"The provider {provider!r} was asked for and took no node of {path.name}: all ran on "
            f"{', '.join(found.nodes)}. Export the model with a newer opset, or choose another provider."
        )


def _loads_on_cpu(path: Path) -> bool:
    import onnxruntime as ort

    try:
        ort.InferenceSession(os.fspath(path), session_options(1, "none"), providers=["CPUExecutionProvider"])
    except Exception:  # whatever it is, the file is at fault and not the GPU
        return False
    return True


def _openvino(path: Path, threads: int, tuning: Tuning) -> Model:
    try:
        import openvino as ov
    except ImportError as error:
        raise ToolMissing("OpenVINO is not installed. Run: pip install openvino") from error
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "THROUGHPUT" if tuning.streams else "LATENCY",
        "INFERENCE_PRECISION_HINT": "bf16" if tuning.bf16 else "f32",
    }
    if not tuning.streams:
        settings["NUM_STREAMS"] = 1
    try:
        compiled = ov.Core().compile_model(os.fspath(path), "CPU", settings)
    except RuntimeError as error:
        raise ModelError(
            f"{path} does not load in OpenVINO: {first_line(error)}. Check that it is a whole ONNX file."
        ) from error
    detail = f"OpenVINO {ov.__version__.split('-')[0]}, CPU, {'bfloat16' if tuning.bf16 else 'float32'}"
    if tuning.streams:
        return Model(path, "openvino", threads, "all", in_a_queue(compiled), f"{detail}, throughput hint")
    request = compiled.create_infer_request()

    def run(batch: np.ndarray) -> np.ndarray:
        request.infer({0: batch}, share_inputs=True)
        return request.get_output_tensor(0).data.copy()

    return Model(path, "openvino", threads, "all", run, f"{detail}, latency hint")
