"""A class of 200 from four course systems, three fifths honest, the others broken or hostile: one command, a minute.

Claim: on two cores everybody is in the table in under 60 s, the honest with all their points; grading again, when
nothing changed, takes less than half of that.
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from grading.batch.outputs import OfClass, grade_class  # noqa: E402
from grading.grade import GradeOptions  # noqa: E402
from tests.grading.mixed_class import build  # noqa: E402
from tests.grading.students import FULL  # noqa: E402

STUDENTS = 200
LIMIT_S = 60.0
WORKERS = 2


def main() -> int:
    """Build the class, grade it twice, print both times and who is missing."""
    with tempfile.TemporaryDirectory(prefix="servelab-bench-") as folder:
        made, out = build(Path(folder), STUDENTS, heavy=True), Path(folder) / "grades.csv"
        took = []
        for _ in range(2):
            began = time.perf_counter()
            grade_class(
                [made.folder], out, GradeOptions(parts=("edge",)), workers=WORKERS, of_class=OfClass(say=lambda _: None)
            )
            took.append(time.perf_counter() - began)
        rows = list(csv.DictReader(out.open(encoding="utf-8")))
    whole = sum(row["netid"] in made.honest and float(row["points"]) == FULL and not row["doubts"] for row in rows)
    print(f"{len(rows)} of {made.students} students in the table, {whole} of {len(made.honest)} honest with all points")
    print(f"graded in {took[0]:.1f} s on {WORKERS} cores (limit {LIMIT_S:g} s); again, unchanged: {took[1]:.1f} s")
    return int(len(rows) != made.students or whole != len(made.honest) or took[0] > LIMIT_S or took[1] > took[0] / 2)


if __name__ == "__main__":
    raise SystemExit(main())
