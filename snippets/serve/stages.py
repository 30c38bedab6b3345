"""Load on an endpoint, with the endpoint's own account of where each request's time went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snippets import stats
from snippets.load.loops import Window, closed_loop
from snippets.load.options import CLOSED_WARM_UP_S
from snippets.load.senders import WebTarget

STAGES = ("decode", "preprocess", "queue", "inference", "postprocess")


def load_endpoint(
    url: str,
    photo: bytes,
    clients: int,
    seconds: float,
    *,
    warm_up_s: float = CLOSED_WARM_UP_S,
) -> dict[str, Any]:
    """`closed_loop` on an endpoint's /predict/image with the JPEG file `photo`, and each answer's timing.

    Adds to the load step `decode_ms`, `preprocess_ms`, `queue_ms`, `inference_ms`, `postprocess_ms`: float64 [n] as the
    endpoint measured them, NaN for a request that failed.
    """
    return closed_loop(photo_target(url, photo), clients, seconds, warm_up_s=warm_up_s, window=_Timing())


def photo_target(url: str, photo: bytes) -> WebTarget:
    """An endpoint of the kit at `url`, asked with the JPEG file `photo`."""
    return WebTarget(f"{url}/predict/image", content=photo, headers={"content-type": "image/jpeg"})


class _Timing(Window):
    """Reads the stages that an answer tells."""

    def read(self, answer: Any) -> Mapping[str, float]:
        return timing(answer)


def timing(reply: Any) -> dict[str, float]:
    """The stages of an endpoint's answer, ms, by the names under which a load keeps them."""
    told = reply.json()["timing"]
    return {f"{stage}_ms": float(told[f"{stage}_ms"]) for stage in STAGES}


def account(result: Mapping[str, Any]) -> dict[str, float]:
    """Mean milliseconds of a request by stage; `transport` is what the client waited beyond the endpoint's stages."""
    stages = {stage: float(np.nanmean(result[f"{stage}_ms"])) for stage in STAGES}
    waited = float(np.mean(stats.good_ms(result)))
    return {**stages, "transport": max(0.0, waited - sum(stages.values()))}
