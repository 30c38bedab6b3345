"""The ONNX model of Triton's Python backend on a GPU: CUDA's libraries are loaded before it asks for them."""

from __future__ import annotations

import importlib.util
import json
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from snippets.triton.deployments import MODELS


class Runtime(ModuleType):
    """onnxruntime on a GPU node: its CUDA provider is there only once the libraries were loaded."""

    def __init__(self) -> None:
        super().__init__("onnxruntime")
        self.loaded: list[str] = []
        self.works = True
        self.__file__ = "/nowhere/onnxruntime/__init__.py"

    def preload_dlls(self) -> None:
        self.loaded.append("cuda")

    class SessionOptions:
        intra_op_num_threads = 0

        def add_session_config_entry(self, key: str, value: str) -> None:
            pass

    def InferenceSession(self, path: str, options: Any, providers: list[Any]) -> Any:
        names = [one if isinstance(one, str) else one[0] for one in providers]
        got = names if self.loaded and self.works else ["CPUExecutionProvider"]
        tensor = SimpleNamespace(name="x")
        return SimpleNamespace(get_inputs=lambda: [tensor], get_outputs=lambda: [tensor], get_providers=lambda: got)


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Runtime:
    made = Runtime()
    monkeypatch.setitem(sys.modules, "onnxruntime", made)
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", ModuleType("triton_python_backend_utils"))
    monkeypatch.delitem(sys.modules, "batch", raising=False)
    monkeypatch.setattr(sys, "path", [str(MODELS), *sys.path])
    return made


def initialize(kind: str) -> Any:
    spec = importlib.util.spec_from_file_location("onnx_graph", MODELS / "onnx_graph.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.TritonPythonModel()
    config = json.dumps({"parameters": {"threads": {"string_value": "1"}}})
    model.initialize({"model_config": config, "model_instance_kind": kind, "model_instance_device_id": "1"})
    return model


def test_a_gpu_instance_loads_cudas_libraries_first(runtime: Runtime) -> None:
    assert initialize("GPU").session.get_providers()[0] == "CUDAExecutionProvider"
    assert runtime.loaded == ["cuda"]


def test_a_cpu_instance_needs_none(runtime: Runtime) -> None:
    assert initialize("CPU").session.get_providers() == ["CPUExecutionProvider"] and not runtime.loaded


def test_a_gpu_that_is_not_used_is_told_with_the_loaders_reason(runtime: Runtime) -> None:
    runtime.works = False
    with pytest.raises(RuntimeError, match="gave CPU.*libonnxruntime_providers_shared.so: cannot open shared object"):
        initialize("GPU")


def test_pytorch_brings_the_libraries_that_do_not_lie_beside_onnx_runtime(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported: list[str] = []

    class Finder:
        def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
            if name == "torch":
                imported.append(name)

    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder()])
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    missing = "libnothing_of_that_name.so.9"
    spec = importlib.util.spec_from_file_location("onnx_graph", MODELS / "onnx_graph.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "CUDNN", missing)
    module.load_cuda(runtime)
    assert imported == ["torch"] and runtime.loaded == ["cuda"]
