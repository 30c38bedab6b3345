"""Answer all requests that Triton put together with one execution of the model."""

import os

import numpy as np
import triton_python_backend_utils as pb_utils


def parameters(args):
    """The text parameters of config.pbtxt: {name: value}."""
    import json

    stated = json.loads(args["model_config"]).get("parameters", {})
    return {name: entry["string_value"] for name, entry in stated.items()}


def device(args):
    """"cpu", or "cuda:<id>" of the GPU that this instance was given."""
    return f"cuda:{args['model_instance_device_id']}" if args["model_instance_kind"] == "GPU" else "cpu"


def pin(given):
    """Keep this instance on the CPU cores that the parameter `cores` lists ("0,2"); Linux, CPU instances."""
    if given.get("cores"):
        os.sched_setaffinity(0, {int(core) for core in given["cores"].split(",")})


def answer(requests, input_name, output_name, run):
    """Stack the rows of all requests, run them once, and hand each request its own rows back."""
    inputs = [pb_utils.get_input_tensor_by_name(request, input_name).as_numpy() for request in requests]
    rows = run(inputs[0] if len(inputs) == 1 else np.concatenate(inputs))
    responses, start = [], 0
    for one in inputs:
        # DLPack rather than pb_utils.Tensor(name, array): stubs built for NumPy 1 misread NumPy 2's types.
        part = np.ascontiguousarray(rows[start : start + len(one)])
        tensor = pb_utils.Tensor.from_dlpack(output_name, part)
        responses.append(pb_utils.InferenceResponse([tensor]))
        start += len(one)
    return responses
