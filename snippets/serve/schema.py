"""What goes into the endpoint and what comes out: the typed request and responses, shown in its Swagger UI."""

from __future__ import annotations

import base64
import binascii
import re

from pydantic import BaseModel, ConfigDict, Field


class PredictRequest(BaseModel):
    """A photo as text, so that it fits into JSON."""

    model_config = ConfigDict(extra="forbid")
    image: str = Field(
        min_length=1,
        description="The photo's file (JPEG, PNG, ...) in base64; a `data:image/...;base64,` prefix is allowed.",
    )

    def image_bytes(self) -> bytes:
        """The photo's file. Raises ValueError, with a sentence for the client, for text that is not base64."""
        text = self.image
        if text.startswith("data:"):
            text = text.partition(",")[2]
        text = "".join(text.split())
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            cut = " Its length is not a multiple of 4: it may have been cut off." if len(text) % 4 else ""
            raise ValueError(
                f"`image` is not base64 ({str(error).rstrip('.')}).{cut} Encode the whole file's bytes, "
                "for example with base64.b64encode(data).decode()."
            ) from None


def upload_problem(error: Exception) -> str:
    """What `image.decode` says of an upload, for the person who sent it: without names of Python objects."""
    text = re.sub(r" ?<_io\.BytesIO object at 0x[0-9a-f]+>", "", str(error))
    return text.replace("Replace or delete it", "Send another")


class Timing(BaseModel):
    """Where the server spent the time of one request, in milliseconds."""

    decode_ms: float = Field(description="from the file's bytes to 224x224 pixels")
    preprocess_ms: float = Field(description="from pixels to the network's normalized input")
    queue_ms: float = Field(description="waiting for the model to be free")
    inference_ms: float = Field(description="the network itself")
    postprocess_ms: float = Field(description="from logits to probabilities")


class Prediction(BaseModel):
    """The most probable class of one photo."""

    prediction: str = Field(examples=["Dessert"])
    probability: float = Field(ge=0, le=1, examples=[0.93])
    probabilities: dict[str, float] = Field(description="every class and its probability; they sum to 1")
    timing: Timing


class Problem(BaseModel):
    """Why there is no prediction, in a sentence that says what to change."""

    detail: str


class Health(BaseModel):
    """The process runs and answers. It may still be loading the model: see `/ready`."""

    status: str = "alive"


class Ready(BaseModel):
    """The model is loaded and has answered one warm-up request."""

    status: str = "ready"
    backend: str
    model: str
    provider: str
    threads: int
    instances: int
    classes: list[str]
    load_ms: float = Field(description="time to load the model and answer the first, cold request")
