"""record.json alone: how it is written, and every way in which it is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from snippets.errors import RecordError, StorageError
from snippets.record.chain import genesis
from snippets.record.head import add_unknown, new_head, part_of, read_head, render, set_entry


def head() -> dict[str, Any]:
    return new_head("model", "mine", "2026-01-01T00:00:00.000000Z")


def written(folder: Path, fields: dict[str, Any] | None = None, behind: str = "") -> Path:
    """A head with a fitting digest, whatever its fields are."""
    path = folder / "record.json"
    body = json.dumps(fields, ensure_ascii=False)[:-1] if fields else ""
    digest = hashlib.sha256(body.encode()).hexdigest()
    path.write_text(f'{body},\n"digest": "{digest}"\n}}\n{behind}' if fields else render(head(), []).decode() + behind)
    return path


def test_a_new_head_has_all_fields_and_nothing_in_them() -> None:
    assert head() == {
        "schema": "servelab-record",
        "schema_version": 2,
        "part": "model",
        "run_id": "mine",
        "created_utc": "2026-01-01T00:00:00.000000Z",
        "parameters": {},
        "hosts": [],
        "leases": [],
        "figures": {},
        "screenshots": {},
        "answers": [],
    }


def test_it_is_written_a_line_a_field_and_a_line_an_entry() -> None:
    fields = {**head(), "hosts": [{"id": "ü"}, {"id": "b"}], "figures": {"x": {"bytes": 1}}}
    lines = render(fields, [{"hash": "h0"}, {"hash": "h1"}]).decode().split("\n")
    assert lines[:4] == ["{", '"schema": "servelab-record",', '"schema_version": 2,', '"part": "model",']
    assert lines[6:18] == [
        '"parameters": {},',
        '"hosts": [',
        ' {"id":"ü"},',
        ' {"id":"b"}',
        "],",
        '"leases": [],',
        '"figures": {',
        ' "x": {"bytes":1}',
        "},",
        '"screenshots": {},',
        '"answers": [],',
        '"steps": {"count":2,"last":"h1"},',
    ]
    assert lines[18].startswith('"digest": "') and lines[19:] == ["}", ""]


def test_the_digest_covers_all_text_before_its_line() -> None:
    text = render(head(), []).decode()
    body, _, digest = text.partition(',\n"digest": "')
    assert digest == hashlib.sha256(body.encode()).hexdigest() + '"\n}\n'


def test_what_was_written_is_read(tmp_path: Path) -> None:
    fields = {
        **head(),
        "answers": [
            {"question": "q", "value": None, "answered_utc": "t", "notebook": "n", "measured": [], "after": "h"}
        ],
    }
    (tmp_path / "record.json").write_bytes(render(fields, []))
    assert read_head(tmp_path / "record.json") == ({**fields, "steps": {"count": 0, "last": genesis(fields)}}, "")


def test_facts_are_added_once_and_entries_set_when_they_differ() -> None:
    fields = head()
    assert add_unknown(fields, "hosts", {"id": "a"}) and not add_unknown(fields, "hosts", {"id": "a"})
    assert add_unknown(fields, "hosts", {"id": "b"}) and fields["hosts"] == [{"id": "a"}, {"id": "b"}]
    assert set_entry(fields, "figures", "x", {"bytes": 1}) and not set_entry(fields, "figures", "x", {"bytes": 1})
    assert set_entry(fields, "figures", "x", {"bytes": 2}) and fields["figures"] == {"x": {"bytes": 2}}


@pytest.mark.parametrize(
    ("version", "read"), [(0, False), (1, True), (2, True), (3, False), ("2", False), (None, False)]
)
def test_versions_1_and_2_are_read_and_no_others(tmp_path: Path, version: Any, read: bool) -> None:
    path = written(tmp_path, {**head(), "schema_version": version, "steps": {"count": 0, "last": ""}})
    if read:
        assert read_head(path)[0]["schema_version"] == version
    else:
        with pytest.raises(RecordError, match=f"schema version {version}; this kit reads 1 to 2. Update the kit"):
            read_head(path)


@pytest.mark.parametrize("text", ['{"schema": "other"}', "[]", "7", "null", "{}"])
def test_another_file_is_not_a_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(RecordError, match="not a run record of this kit. Name a folder"):
        read_head(tmp_path / "record.json")
    with pytest.raises(RecordError, match="no run record at .*servelab run PART"):
        read_head(tmp_path / "other.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "it ends too early"),
        (b'{"schema": "serv', "it ends too early"),
        (b'{"schema": 1,', "it ends too early"),
        (b'{\n"a": x,\n"b": 2}', "line 2 is not JSON"),
        (b"[" * 200_000, "it is nested without end"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        (b'{"a": "\xc3', "it ends too early"),
    ],
)
def test_rubbish_is_named_for_what_it_is(tmp_path: Path, text: bytes, message: str) -> None:
    (tmp_path / "record.json").write_bytes(text)
    with pytest.raises(RecordError, match=f"damaged: {message}. Restore it from a copy, or move the folder away"):
        read_head(tmp_path / "record.json")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"part": "model"', '"part": "edge"'),
        ('"digest": "', '"digest": "0'),
        ('"\n}\n', '"}\n'),
        ('"\n}\n', '"\n}'),
        ("{\n", "{ "),
        (',\n"digest"', ',\n\n"digest"'),
    ],
)
def test_any_change_of_its_text_does_not_fit_the_digest(tmp_path: Path, old: str, new: str) -> None:
    path = written(tmp_path)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(RecordError, match="was changed after it was written: its digest does not fit"):
        read_head(path)


def test_more_behind_its_object_is_refused_except_in_version_1(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="not valid: there is more behind its object"):
        read_head(written(tmp_path, behind="{}\n"))
    fields = {**head(), "schema_version": 1, "steps": []}
    assert read_head(written(tmp_path, fields, behind="{}\n"))[1] == "{}\n"


@pytest.mark.parametrize("steps", [None, [], {"count": "1", "last": "h"}, {"count": 1}, {"last": "h"}])
def test_what_it_knows_of_the_steps_must_be_there(tmp_path: Path, steps: Any) -> None:
    with pytest.raises(RecordError, match="not valid: its field 'steps' is missing or of the wrong type"):
        read_head(written(tmp_path, {**head(), "steps": steps}))


def test_a_field_of_the_wrong_type_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="not valid: its field 'hosts' is missing or of the wrong type. Restore it"):
        read_head(written(tmp_path, {**head(), "hosts": {}, "steps": {"count": 0, "last": ""}}))


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "record.json").mkdir()
    with pytest.raises(StorageError, match="record.json"):
        read_head(tmp_path / "record.json")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('{"part": "edge"}', "edge"),
        ('{"part": "edge"}\n{"index": 3}\n', "edge"),
        ('{"part": 3}', None),
        ("{}", None),
        ("[]", None),
        ("{", None),
        ("[" * 200_000, None),
        ("7", None),
    ],
)
def test_the_part_is_told_of_any_file_that_names_one(tmp_path: Path, text: str, part: str | None) -> None:
    (tmp_path / "record.json").write_text(text)
    assert part_of(tmp_path / "record.json") == part
    assert part_of(tmp_path / "none.json") is None
