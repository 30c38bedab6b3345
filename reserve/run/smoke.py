"""Before the first notebook of a run that asks for a GPU: does everything that it will use compute on one?"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence

from reserve.run.parameters import Params
from snippets.errors import ProviderError, ToolMissing
from snippets.gpu import smoke
from snippets.triton.launch import IMAGE

CONTAINER_S = 180.0
# What the models of Triton's Python backend import there, on the GPU that Docker hands on.
INSIDE = (
    "import torch, onnxruntime; assert torch.cuda.is_available(), 'no GPU inside'; print(torch.ones(1).cuda().sum())"
)


def asks_for_gpu(every: Sequence[Params]) -> bool:
    """Whether a notebook is told to use a GPU: `gpus`, `device` or `require` says so."""
    values = [params.values for params in every]
    return any(
        one.get("gpus") or str(one.get("device", "")).startswith("cuda") or one.get("require", "").strip()
        for one in values
    )


def smoke_test(every: Sequence[Params], say: Callable[[str], None]) -> None:
    """Say what the GPU and its engines answer, in seconds; nothing where no notebook asks for a GPU.

    Raises ProviderError with the fix if one that the run needs does not compute; ToolMissing for a container without
    Docker or image.
    """
    if not asks_for_gpu(every):
        return
    say("GPU: a small convolution on every engine first")
    wanted = " ".join(str(params.values.get("require", "")) for params in every)
    found = smoke.examine()
    for one in found:
        say(f"  {one}")
    failed = [one for one in found if one.ok is False or (one.ok is None and one.name in wanted.split())]
    if failed:
        first = failed[0]
        raise ProviderError(
            f"this run asks for a GPU, and {first.name} does not compute on it: {first.detail}. "
            f"{first.fix or smoke.FIXES[first.name]} Nothing was measured; to do without: "
            "-p gpus=0, -p device=cpu, -p require="
        )
    if any(params.values.get("triton") == "container" for params in every):
        say(f"  {_container()}")


def _container() -> str:
    """That PyTorch in Triton's container computes on the GPU."""
    image = os.environ.get("SERVELAB_TRITON_IMAGE", IMAGE)
    docker = shutil.which("docker")
    if docker is None:
        raise ToolMissing("triton=container needs Docker, which is not here. `servelab up` installs it on a node.")
    command = [docker, "run", "--rm", "--gpus=all", "--entrypoint=python3", image, "-c", INSIDE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=CONTAINER_S)
    except subprocess.TimeoutExpired:
        raise ToolMissing(f"the container {image} did not answer within {CONTAINER_S:.0f} s (docker ps).") from None
    if done.returncode:
        words = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise ToolMissing(
            f"the container {image} does not compute on the GPU: {words[:300]}. Its Python needs torch and "
            "onnxruntime-gpu (reserve/containers/triton), Docker needs NVIDIA's toolkit (`servelab up` sees to both)."
        )
    return f"{'ok':8} {'container':12} PyTorch computes on the GPU inside {image}"
