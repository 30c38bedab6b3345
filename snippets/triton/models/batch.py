"""Answer all requests that Triton put together with one execution of the model.

Tensors cross by DLPack. The stub of the embedded server was built for NumPy 1 and misreads the element size of
NumPy 2's types: its `as_numpy()` repeats the first element, its `Tensor(name, array)` sends 0 bytes.
"""

import ctypes
import os

import numpy as np
import triton_python_backend_utils as pb_utils

CONSUMED = b"used_dltensor"
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # in glibc's malloc.h
KEPT_BYTES = 1 << 30
rename_capsule = ctypes.pythonapi.PyCapsule_SetName
rename_capsule.argtypes = [ctypes.py_object, ctypes.c_char_p]


class Handed:
    """An array on its way into the stub, which marks the DLPack capsule as used with a name that NumPy does not know;
    NumPy would then write a complaint into the log for each answer."""

    def __init__(self, array):
        self.array, self.capsule = array, None

    def __dlpack__(self, **options):
        self.capsule = self.array.__dlpack__(**options)
        return self.capsule

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def to_tensor(name, array):
    """A Triton tensor that owns `array`."""
    handed = Handed(np.ascontiguousarray(array))
    tensor = pb_utils.Tensor.from_dlpack(name, handed)
    rename_capsule(handed.capsule, CONSUMED)
    return tensor


def parameters(args):
    """The text parameters of config.pbtxt: {name: value}."""
    import json

    stated = json.loads(args["model_config"]).get("parameters", {})
    return {name: entry["string_value"] for name, entry in stated.items()}


def device(args):
    """ "cpu", or "cuda:<id>" of the GPU that this instance was given."""
    return f"cuda:{args['model_instance_device_id']}" if args["model_instance_kind"] == "GPU" else "cpu"


def pin(given):
    """Keep this instance on the CPU cores that the parameter `cores` lists ("0,2"); Linux, CPU instances."""
    if given.get("cores"):
        os.sched_setaffinity(0, {int(core) for core in given["cores"].split(",")})


def keep_memory():
    """Tell the C library to keep freed memory for the next execution (glibc; elsewhere nothing happens).

    PyTorch allocates each tensor anew, and glibc gives large blocks back to the system, which must provide and clear
    their pages again at each execution: for a batch of 16 photos that takes longer than computing. Whether it was
    taken is the return value.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(which, KEPT_BYTES) for which in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD))


def answer(requests, input_name, output_name, run):
    """Stack the rows of all requests, run them once, and hand each request its own rows back."""
    inputs = [np.from_dlpack(pb_utils.get_input_tensor_by_name(request, input_name)) for request in requests]
    rows = run(inputs[0] if len(inputs) == 1 else np.concatenate(inputs))
    responses, start = [], 0
    for one in inputs:
        responses.append(pb_utils.InferenceResponse([to_tensor(output_name, rows[start : start + len(one)])]))
        start += len(one)
    return responses
