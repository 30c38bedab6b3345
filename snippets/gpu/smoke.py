"""The first thing that runs on a GPU machine: does every engine compute on it? In seconds, with what to do if not.

    python -m snippets.gpu.smoke            # all checks; exit status 1 if one failed
    python -m snippets.gpu.smoke torch      # one of them, in this process

Each check runs in a process of its own, so that one that crashes (a library without code for the GPU does) is a line in
the report and not its end.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 120.0
SKIPPED = 3
SIDE = 32


@dataclass(frozen=True)
class Finding:
    """What a check found: `ok` None where it does not apply; `detail` in words; `fix`: what to do if it failed."""

    name: str
    ok: bool | None
    detail: str
    seconds: float
    fix: str = ""

    def __str__(self) -> str:
        state = {True: "ok", False: "FAILED", None: "left out"}[self.ok]
        line = f"{state:8} {self.name:12} {self.seconds:5.1f} s  {self.detail}"
        return line + (f"\n{'':9}-> {self.fix}" if self.ok is False else "")


class NotHere(Exception):
    """A check that does not apply to this machine; the text says why."""


def driver() -> str:
    """NVIDIA's driver answers and sees a GPU."""
    from snippets.machine.gpu_libraries import compute_capability
    from snippets.machine.host import gpu_facts

    try:
        capability = compute_capability()
    except OSError as error:
        raise RuntimeError(f"no NVIDIA driver ({error})") from error
    if capability is None:
        raise RuntimeError("the driver sees no GPU")
    names = ", ".join(f"{gpu['model']} (driver {gpu['driver']})" for gpu in gpu_facts())
    return f"{names or 'a GPU'}, compute capability {capability[0]}.{capability[1]}"


def torch() -> str:
    """PyTorch computes a convolution on the GPU, and it is the CPU's result."""
    import torch as pytorch

    if not pytorch.cuda.is_available():
        raise RuntimeError(f"PyTorch {pytorch.__version__} finds no CUDA GPU")
    major, minor = pytorch.cuda.get_device_capability(0)
    built = pytorch.cuda.get_arch_list()
    if not any(code.partition("_")[2].rstrip("a").startswith(str(major)) for code in built):
        raise RuntimeError(
            f"PyTorch {pytorch.__version__} has code for {', '.join(built)}, this GPU is sm_{major}{minor}"
        )
    pytorch.manual_seed(0)
    layer, image = pytorch.nn.Conv2d(3, 8, 3), pytorch.randn(2, 3, SIDE, SIDE)
    with pytorch.inference_mode():
        expected = layer(image)
        found = layer.cuda()(image.cuda()).cpu()
    difference = float((expected - found).abs().max())
    if not difference < 1e-2:
        raise RuntimeError(f"the GPU's convolution differs from the CPU's by {difference:.2g}")
    return f"PyTorch {pytorch.__version__}, CUDA {pytorch.version.cuda}, sm_{major}{minor}"


def onnxruntime_cuda() -> str:
    """ONNX Runtime's CUDA provider runs a convolution, all of it on the GPU."""
    return _onnxruntime("cuda")


def onnxruntime_tensorrt() -> str:
    """The same with TensorRT."""
    return _onnxruntime("tensorrt")


def _onnxruntime(provider: str) -> str:
    import numpy as np

    try:
        import onnxruntime

        from snippets.engine import providers
    except ImportError as error:
        raise NotHere(f"onnxruntime is not installed ({error})") from error
    if provider == "tensorrt" and (reason := providers.absence("tensorrt")):
        raise NotHere(reason)
    _require_code(Path(onnxruntime.__file__).parent / "capi" / "libonnxruntime_providers_cuda.so")
    image = np.random.default_rng(0).normal(size=(1, 3, SIDE, SIDE)).astype(np.float32)
    with tempfile.TemporaryDirectory(prefix="smoke.") as folder:
        path = small_network(Path(folder) / "smoke.onnx")
        model = providers.session(path, provider, threads=1)
        difference = float(np.abs(model(image) - providers.session(path, threads=1)(image)).max())
    if not difference < 1e-2:
        raise RuntimeError(f"its convolution differs from the CPU's by {difference:.2g}")
    return model.detail


def _require_code(library: Path) -> None:
    """Raise RuntimeError if a CUDA library that is there has no code for the GPU that is here."""
    from snippets.gpu.architectures import code_in
    from snippets.machine.gpu_libraries import compute_capability

    capability = compute_capability()
    if library.is_file() and capability and not (code := code_in(library)).runs_on(*capability):
        major, minor = capability
        raise RuntimeError(f"{library.name} has code for {code}, this GPU is sm_{major}{minor}")


def small_network(path: Path) -> Path:
    """A convolution and a mean, as an ONNX file."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weight = np.random.default_rng(1).normal(size=(8, 3, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["input", "weight"], ["features"]),
            helper.make_node("GlobalAveragePool", ["features"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["logits"]),
        ],
        "smoke",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 8])],
        [numpy_helper.from_array(weight, "weight")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


CHECKS: dict[str, Callable[[], str]] = {
    "driver": driver,
    "torch": torch,
    "cuda": onnxruntime_cuda,
    "tensorrt": onnxruntime_tensorrt,
}
FIXES = {
    "driver": "`nvidia-smi` says more. Reboot the node, check that its image is a CUDA one, or take another node.",
    "torch": "Install the build for this GPU: torch==2.7.1 is the last with code for the P100 (sm_60), extra `p100`; "
    "newer GPUs take extra `a100`.",
    "cuda": "pip install onnxruntime-gpu==1.24.4 beside the torch of the extra, whose CUDA libraries it loads. If it "
    "crashes on a P100: onnxruntime-gpu==1.22.1 (https://github.com/microsoft/onnxruntime/issues/27588).",
    "tensorrt": "pip install --no-deps tensorrt-cu12-libs==10.9.0.34, or leave TensorRT out: nothing else needs it.",
}


def examine(names: Sequence[str] = tuple(CHECKS)) -> list[Finding]:
    """The findings of these checks, each in a process of its own. Nothing is checked after a driver that failed."""
    found = []
    for name in names:
        found.append(_apart(name))
        if name == "driver" and not found[-1].ok:
            break
    return found


def _apart(name: str) -> Finding:
    began = time.monotonic()
    command = [sys.executable, "-m", "snippets.gpu.smoke", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, cwd=Path(__file__).parents[2])
    except subprocess.TimeoutExpired:
        return Finding(name, False, f"did not end within {LIMIT_S:.0f} s", LIMIT_S, FIXES[name])
    seconds = time.monotonic() - began
    words = done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or [""]
    if done.returncode < 0:
        return Finding(name, False, f"crashed (signal {-done.returncode})", seconds, FIXES[name])
    ok = {0: True, SKIPPED: None}.get(done.returncode, False)
    return Finding(name, ok, words[-1][:400], seconds, "" if ok is not False else FIXES[name])


def main(names: Sequence[str]) -> int:
    """One check in this process, or all of them apart; returns the exit status."""
    if len(names) == 1 and names[0] in CHECKS:
        try:
            print(CHECKS[names[0]]())
        except NotHere as reason:
            print(reason)
            return SKIPPED
        except Exception as error:  # whatever an engine raises is the finding
            print(" ".join(f"{type(error).__name__}: {error}".split()))
            return 1
        return 0
    found = examine()
    print("\n".join(map(str, found)))
    return int(any(one.ok is False for one in found))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
