"""The platform's model.py, the same for every team: probabilities (N,classes) by whatever engine.py lies beside it.

Before the first request it asks the engine for the answers to the team's own example (`self_test.npz`) and refuses to
be loaded where they are not the ones that the team expects. Parameters: file, threads, self_test (largest difference
that is allowed; empty: no self-test).
"""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def self_test(run, tolerance):
    """Raise RuntimeError, with what is wrong, unless `run` answers the example as the team expects."""
    with np.load(HERE / "self_test.npz") as example:
        photos, expected = example["photos"], example["expected"]
    found = np.asarray(run(photos))
    if found.shape != expected.shape:
        raise RuntimeError(f"self-test: the answer has the shape {found.shape}, expected is {expected.shape}")
    off = float(np.abs(found - expected).max())
    if not off <= tolerance:  # NaN is not within any tolerance
        raise RuntimeError(f"self-test: a probability is off by {off:.3g}, allowed are {tolerance:g}")


class TritonPythonModel:
    """A team's model, as Triton's Python backend runs it."""

    def initialize(self, args):
        """Load the engine and try it. What is raised here Triton reports as the reason, and the model is not ready."""
        from batch import device, parameters
        from engine import load

        given = parameters(args)
        self.run = load(HERE / given["file"], int(given["threads"]), device(args))
        if given.get("self_test"):
            self_test(self.run, float(given["self_test"]))

    def execute(self, requests):
        """Answer the requests that Triton put together, each with its own rows."""
        from batch import answer

        return answer(requests, "input", "probabilities", self.run)
