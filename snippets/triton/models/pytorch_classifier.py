"""The food classifier in PyTorch: float32 images (N,3,224,224) `input` -> `logits` (N,classes).

Parameters: classes, width, threads, cores.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


class TritonPythonModel:
    """The network in PyTorch, as Triton's Python backend runs it."""

    def initialize(self, args):
        """Load the model once for this instance. What it raises, Triton reports as the reason."""
        import torch
        from batch import device, keep_memory, parameters, pin

        from snippets.model.mobilenet import mobilenet_v2

        given = parameters(args)
        pin(given)
        keep_memory()
        torch.set_num_threads(int(given.get("threads", "1")))
        self.device = device(args)
        model = mobilenet_v2(int(given["classes"]), width=float(given.get("width", "1.0")))
        weights = HERE / "weights.pt"
        model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.model = model.eval().to(self.device)

    def execute(self, requests):
        """Answer the requests that Triton put together, each with its own rows."""
        import torch
        from batch import answer

        def run(images):
            with torch.inference_mode():
                return self.model(torch.tensor(images, device=self.device)).cpu().numpy()

        return answer(requests, "input", "logits", run)
