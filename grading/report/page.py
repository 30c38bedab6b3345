"""One self-contained HTML page from run records: tables, figures, screenshots, answers, host facts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grading.report.pictures import asked_in, figures, screenshots
from grading.report.tables import (
    KERNEL_HEADER,
    KERNEL_TEXTS,
    LOAD_HEADER,
    LOAD_TEXTS,
    VARIANT_HEADER,
    VARIANT_TEXTS,
    kernel_rows,
    load_rows,
    variant_rows,
)
from snippets.errors import RecordError
from snippets.files import write_atomic
from snippets.pages import environment
from snippets.record.run import Record, load_record

TEMPLATE = Path(__file__).with_name("report.html.j2")
TITLES = {"model": "Part 1: model optimizations", "edge": "Part 2: edge", "system": "Part 3: system optimizations"}


def write_report(folders: Sequence[Path], out: Path | None = None) -> Path:
    """Write the page and return its path (`report.html` in the first run's folder unless `out` says otherwise).

    Raises RecordError for a folder without a readable record, StorageError where the page cannot be written.
    """
    if not folders:
        raise RecordError("A report needs at least one run folder, such as runs/model/quick.")
    template = environment().from_string(TEMPLATE.read_text(encoding="utf-8"))
    page = template.render(runs=[_run(load_record(folder)) for folder in folders])
    path = (out or Path(folders[0]) / "report.html").resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, page.encode(), setting="--out")
    return path


def _run(record: Record) -> dict[str, Any]:
    tables = [
        {
            "title": "Kernels: a product of matrices, rung by rung",
            "header": KERNEL_HEADER,
            "rows": kernel_rows(record),
            "texts": KERNEL_TEXTS,
        },
        {
            "title": "Variants: measured, published, targets",
            "header": VARIANT_HEADER,
            "rows": variant_rows(record),
            "texts": VARIANT_TEXTS,
        },
        {"title": "Services under load", "header": LOAD_HEADER, "rows": load_rows(record), "texts": LOAD_TEXTS},
    ]
    asked = asked_in(record.part)
    return {
        "title": f"{TITLES.get(record.part, record.part)} ({record.run_id})",
        "problems": record.verify(),
        "tables": [t for t in tables if t["rows"]],
        "figures": figures(record),
        "screenshots": screenshots(record),
        "answers": [
            {
                "question": a["question"],
                "asked": asked.get(a["question"], ""),
                "value": _text(a["value"]),
                "time": a["answered_utc"][:16].replace("T", " "),
            }
            for a in record.answers
        ],
        "hosts": [_facts(host) for host in record.hosts if _used(record, host)],
        "parameters": [(name, _text(values)) for name, values in sorted(record.parameters.items())],
    }


def _used(record: Record, host: dict[str, Any]) -> bool:
    return not record.steps or any(step.host == host.get("id") for step in record.steps)


def _facts(host: dict[str, Any]) -> list[tuple[str, str]]:
    cpu = host.get("cpu", {})
    kit, gpus = host.get("kit", {}), host.get("gpus", [])
    changed = " with local changes" if kit.get("changed") else ""
    return [
        ("machine", f"{host.get('hostname', '')} ({host.get('system', '')})"),
        ("processor", f"{cpu.get('model', '')}, {cpu.get('cores', '?')} cores"),
        ("instruction sets", " ".join(cpu.get("flags", [])) or "none of note"),
        ("memory", f"{host.get('memory_bytes', 0) / 2**30:.0f} GiB"),
        ("GPUs", "; ".join(f"{g['model']} {g['uuid']} (driver {g.get('driver', '?')})" for g in gpus) or "none"),
        ("clock", host.get("clock_source", "")),
        ("container image", host.get("image_digest", "") or "none"),
        ("kit", f"{kit.get('commit', 'no git checkout')[:12]}{changed}"),
        (
            "Python and packages",
            f"Python {host.get('python', '')}; "
            + ", ".join(f"{name} {version}" for name, version in sorted(host.get("packages", {}).items())),
        ),
    ]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} = {v!r}" for k, v in value.items())
    return value if isinstance(value, str) else repr(value)
