"""engine.py of a team that brings an ONNX file with one input and logits as its output."""

import numpy as np


def load(path, threads, device):
    """A function from photos, float32 (N,3,H,W), to probabilities, float32 (N,classes)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Idle threads that spin would take the CPU from other teams.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers: list = ["CPUExecutionProvider"]
    if device != "cpu":
        if hasattr(onnxruntime, "preload_dlls"):
            onnxruntime.preload_dlls()
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": device.removeprefix("cuda:")}))
    session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    if device != "cpu" and session.get_providers()[0] != "CUDAExecutionProvider":
        raise RuntimeError("ONNX Runtime could not use the GPU and would have computed on the CPU without a word")
    name = session.get_inputs()[0].name

    def run(photos):
        logits = session.run(None, {name: photos})[0].astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)

    return run
