"""The platform's self-test, and the engines, by themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sklearn.base

from snippets.teams.handed_in import SORTER
from snippets.teams.models import served, sklearn_engine
from snippets.teams.template import HandedIn

EXPECTED = np.array([[0.25, 0.75]], dtype=np.float32)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "self_test.npz", photos=np.zeros((1, 4)), expected=EXPECTED)
    monkeypatch.setattr(served, "HERE", tmp_path)


@pytest.mark.parametrize("off", [0, 0.009])
@pytest.mark.usefixtures("example")
def test_answers_within_the_tolerance_pass(off: float) -> None:
    served.self_test(lambda photos: EXPECTED + off, 0.01)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (EXPECTED + 0.02, "self-test: a probability is off by 0.02, allowed are 0.01"),
        (EXPECTED[:, ::-1], "off by 0.5"),
        (EXPECTED * np.nan, "off by nan"),
        (EXPECTED[:, :1], r"the answer has the shape \(1, 1\), expected is \(1, 2\)"),
    ],
)
@pytest.mark.usefixtures("example")
def test_other_answers_are_refused_with_what_is_wrong(answers: np.ndarray, told: str) -> None:
    with pytest.raises(RuntimeError, match=told):
        served.self_test(lambda photos: answers, 0.01)


def test_features_are_the_mean_colours_of_tiles() -> None:
    photo = np.zeros((1, 16, 16, 3), dtype=np.uint8)
    photo[0, :2, 2:4, 1] = 255  # all of the second tile, green
    found = sklearn_engine.features(photo).reshape(8, 8, 3)
    assert found[0, 1].tolist() == [0, 1, 0] and found.sum() == 1


def test_a_pickle_of_another_version_is_refused(teams: dict[str, HandedIn], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sklearn.base, "__version__", "9.9.9")
    with pytest.raises(Warning, match=r"9\.9\.9"):
        sklearn_engine.load(teams[SORTER].model, 1, "cpu")
