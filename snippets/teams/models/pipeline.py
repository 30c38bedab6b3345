"""A photo's file in, probabilities out, in one model or asking others. Parameter `way`:

decode    the first step alone: file, uint8 (1,n) -> the network's input, float32 (1,3,224,224)
whole     both steps here, one after the other in one process
scripted  asks the two models that `steps` names, one after the other (business logic scripting)
"""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def read(file):
    """The network's input, float32 (1,3,224,224), of a photo's file, uint8 (1,n)."""
    from snippets.data.image import decode, preprocess

    return preprocess(decode(file.tobytes()))


class TritonPythonModel:
    """One way from a file to an answer, as Triton's Python backend runs it."""

    def initialize(self, args):
        """Load the engine, where this model is the whole."""
        from batch import device, parameters

        given = parameters(args)
        self.way, self.steps = given["way"], given.get("steps", "").split(",")
        if self.way == "whole":
            from engine import load

            self.network = load(HERE / given["file"], int(given["threads"]), device(args))

    def execute(self, requests):
        """Answer each request by itself: files have no common length."""
        import triton_python_backend_utils as pb_utils

        responses = []
        for request in requests:
            try:
                responses.append(pb_utils.InferenceResponse([self.answer(request)]))
            except Exception as error:
                responses.append(pb_utils.InferenceResponse([], pb_utils.TritonError(str(error))))
        return responses

    def answer(self, request):
        """The tensor that answers one request."""
        import triton_python_backend_utils as pb_utils
        from batch import to_tensor

        tensor = pb_utils.get_input_tensor_by_name(request, "photo")
        if self.way == "scripted":
            first, second = self.steps
            return ask(second, ask(first, tensor, "input"), "probabilities")
        image = read(np.from_dlpack(tensor))
        return to_tensor("input", image) if self.way == "decode" else to_tensor("probabilities", self.network(image))


def ask(model, tensor, output):
    """The output tensor of another model of this server. Raises RuntimeError with its reason."""
    import triton_python_backend_utils as pb_utils

    reply = pb_utils.InferenceRequest(model_name=model, requested_output_names=[output], inputs=[tensor]).exec()
    if reply.has_error():
        raise RuntimeError(f"{model}: {reply.error().message()}")
    return pb_utils.get_output_tensor_by_name(reply, output)
