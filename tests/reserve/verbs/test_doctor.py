"""The doctor says what is there, and names a remedy for all that is not."""

from __future__ import annotations

import shutil

import pytest

from reserve.verbs import doctor


def test_everything_needed_is_found_where_the_tests_run() -> None:
    text, ok = doctor.examine_machine()
    assert ok and "This machine can rehearse the lab" in text


def test_whatever_is_absent_comes_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    missing = [f for f in doctor.findings() if not f.present]
    assert {"chromium", "bwrap", "g++"} <= {f.name for f in missing}
    assert all(f.remedy for f in missing)


def test_a_missing_needed_package_is_said_to_be_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "torch":
            raise doctor.metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(doctor.metadata, "version", version)
    text, ok = doctor.examine_machine()
    assert not ok and "MISSING  torch" in text and "make setup" in text
