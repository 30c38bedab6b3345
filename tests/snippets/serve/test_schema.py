"""A photo survives its way through JSON, and what is wrong with it is said without the language's own words."""

from __future__ import annotations

import base64

import pytest
from pydantic import ValidationError

from snippets.serve.schema import Prediction, PredictRequest, Timing, upload_problem

PHOTO = bytes(range(200))
TEXT = base64.b64encode(PHOTO).decode()


@pytest.mark.parametrize("text", [TEXT, f"data:image/png;base64,{TEXT}", f"{TEXT[:60]}\n {TEXT[60:]}"])
def test_base64_comes_back_as_the_file_whatever_surrounds_it(text: str) -> None:
    assert PredictRequest(image=text).image_bytes() == PHOTO


def test_text_that_was_cut_off_is_said_to_be() -> None:
    with pytest.raises(ValueError, match="not a multiple of 4: it may have been cut off"):
        PredictRequest(image=TEXT[:-3]).image_bytes()


def test_another_alphabet_is_not_base64() -> None:
    with pytest.raises(ValueError, match="not base64.*base64.b64encode"):
        PredictRequest(image="two eggs").image_bytes()


def test_fields_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValidationError):
        PredictRequest.model_validate({"image": TEXT, "picture": TEXT})


def test_a_probability_lies_between_none_and_all() -> None:
    timing = Timing(decode_ms=1, preprocess_ms=1, queue_ms=0, inference_ms=1, postprocess_ms=0)
    with pytest.raises(ValidationError):
        Prediction(prediction="Egg", probability=1.5, probabilities={"Egg": 1.5}, timing=timing)


def test_a_problem_with_an_upload_names_no_objects_of_python() -> None:
    error = ValueError("not a picture <_io.BytesIO object at 0x7f00ab>. Replace or delete it.")
    assert upload_problem(error) == "not a picture. Send another."
