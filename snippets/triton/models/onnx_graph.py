"""Any ONNX graph with one input and one output, run by ONNX Runtime. Parameters: threads, cores."""

import ctypes
import sys
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
CUDNN = "libcudnn.so.9"


def load_cuda(onnxruntime):
    """Load CUDA's libraries, which come as packages where the system's loader does not look.

    ONNX Runtime finds those that are installed beside itself. Where PyTorch lies elsewhere (in the system's packages,
    under a virtual environment that sees them), it finds its own.
    """
    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()
    try:
        ctypes.CDLL(CUDNN)
    except OSError:
        with suppress(ImportError):
            import torch  # noqa: F401


def why_not(onnxruntime):
    """What keeps ONNX Runtime's CUDA provider from being used, in words, as the system's loader says it."""
    capi = Path(onnxruntime.__file__).parent / "capi"
    try:
        ctypes.CDLL(str(capi / "libonnxruntime_providers_shared.so"), mode=ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(capi / "libonnxruntime_providers_cuda.so"))
    except OSError as error:
        return f"a library it needs does not load: {error}"
    return "its libraries load, but it could not use the GPU (its own message stands in Triton's log)"


class TritonPythonModel:
    """An ONNX graph, as Triton's Python backend runs it."""

    def initialize(self, args):
        """Load the model once for this instance. What it raises, Triton reports as the reason."""
        import onnxruntime
        from batch import device, parameters, pin

        given = parameters(args)
        pin(given)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(given.get("threads", "1"))
        # Idle threads that spin would take the CPU from the other instances.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        where = device(args)
        wanted = "CPUExecutionProvider"
        providers: list = [wanted]
        if where != "cpu":
            load_cuda(onnxruntime)
            wanted = "CUDAExecutionProvider"
            providers = [(wanted, {"device_id": where.removeprefix("cuda:")}), "CPUExecutionProvider"]
        path = str(HERE / "model.onnx")
        self.session = onnxruntime.InferenceSession(path, options, providers=providers)
        self.input = self.session.get_inputs()[0].name
        self.output = self.session.get_outputs()[0].name
        got = self.session.get_providers()[0]
        if got != wanted:
            raise RuntimeError(f"ONNX Runtime gave {got}, not {wanted}: {why_not(onnxruntime)}")

    def execute(self, requests):
        """Answer the requests that Triton put together, each with its own rows."""
        from batch import answer

        return answer(requests, self.input, self.output, lambda rows: self.session.run(None, {self.input: rows})[0])
