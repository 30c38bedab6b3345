"""One or two tenants in one process: a good network, and one that goes wrong in a way that the request chooses.

`who` of a request: 0 asks the network for the photo's class; CRASH, HANG and LEAK ask the other tenant, which then does
just that. Parameters: tenants ("network", "faulty" or both with a comma), file, threads, leak_mb, room_mb, limit_s.
"""

import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
NETWORK, CRASH, HANG, LEAK = range(4)


def crash():
    """What a mistake in a C library does: read where nothing is."""
    import ctypes

    ctypes.string_at(0)


def hang():
    """Never return."""
    while True:
        time.sleep(0.05)


class TritonPythonModel:
    """The tenants, as Triton's Python backend runs them."""

    def initialize(self, args):
        """Load whatever this process holds, and set a guard over it."""
        from batch import device, parameters
        from guard import Guard

        given = parameters(args)
        tenants = given["tenants"].split(",")
        self.network = None
        if "network" in tenants:
            from engine import load

            self.network = load(HERE / given["file"], int(given["threads"]), device(args))
        self.faulty = "faulty" in tenants
        self.leak_mb, self.kept = int(given["leak_mb"]), []
        self.guard = Guard(float(given["room_mb"]), float(given["limit_s"]))

    def execute(self, requests):
        """Answer each request by itself."""
        import triton_python_backend_utils as pb_utils
        from batch import to_tensor

        responses = []
        for request in requests:
            photo, who = (np.from_dlpack(pb_utils.get_input_tensor_by_name(request, name)) for name in ("input", "who"))
            with self.guard:
                try:
                    tensor = to_tensor("probabilities", self.answer(photo, int(who[0, 0])))
                    responses.append(pb_utils.InferenceResponse([tensor]))
                except ValueError as error:
                    responses.append(pb_utils.InferenceResponse([], pb_utils.TritonError(str(error))))
        return responses

    def answer(self, photo, who):
        """Probabilities of a photo, or what the other tenant does. ValueError for a tenant who is not here."""
        if who == NETWORK and self.network is not None:
            return self.network(photo)
        if who == NETWORK or not self.faulty:
            raise ValueError(f"tenant {who} is not in this process")
        if who == CRASH:
            crash()
        if who == HANG:
            hang()
        self.kept.append(bytearray(b"\1") * (self.leak_mb * 1_000_000))
        return np.zeros((1, 1), dtype=np.float32)
