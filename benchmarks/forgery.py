"""What forging a run costs: ways to do it, each graded in a class, and how many honest students are suspected.

Claim: no way that takes a student with the kit less than an hour reaches `plausible` without a remark, and at most 1 %
of the honest get one. A way's minutes are estimates. Its points are those that no person gives; trust and remarks cost
none.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from grading.rerun.codes import code_of  # noqa: E402
from tests.grading.forgeries import BEGAN, FORGERIES  # noqa: E402
from tests.grading.forgeries.challenged import SECRET, answer_challenge  # noqa: E402
from tests.grading.forging import HOUR, course_of, forge, graded, suspected, table  # noqa: E402
from tests.grading.recorded import KEPT, OWNERS, recorded  # noqa: E402
from tests.grading.rerun.made import tiny_model  # noqa: E402
from tests.grading.students import FULL, make_run  # noqa: E402

HONEST = 200
MOST_SUSPECTED = 0.01


def main() -> int:
    """Forge, grade, print; 1 if the claim does not hold."""
    with tempfile.TemporaryDirectory(prefix="servelab-bench-") as scratch:
        folder = Path(scratch)
        model = tiny_model(folder / "fp32.onnx")
        runs = {f"st{n}": make_run(folder / f"st{n}", n, began=BEGAN) for n in range(HONEST)}
        for netid, run in runs.items():
            answer_challenge(run, code_of(SECRET, netid), model)
        honest = [graded(run, netid) for netid, run in runs.items()]
        kept = [graded(recorded(name, folder / "kept"), OWNERS.get(name, name)) for name in KEPT]
        wrong = suspected([*honest, *kept])
        coded = suspected(honest, course_of(runs["st0"], list(runs)))
        outcomes = forge(FORGERIES, honest[:20], runs["st0"], folder / "forged")
    print(table(outcomes))
    share = len(wrong) / (len(honest) + len(kept))
    cheap = [each for each in outcomes if each.forgery.minutes < HOUR]
    missed = [each for each in outcomes if each.missed]
    print(
        f"\n{len(outcomes)} ways, all points are {FULL:g}; {len(cheap)} take less than an hour, {len(missed)} of these"
    )
    print("reach `plausible` or more without a remark.")
    print(f"{len(wrong)} of {len(honest)} honest made-up and {len(kept)} measured runs have one ({100 * share:.1f} %).")
    print("\n".join(wrong))
    print(f"In a course that gives challenge codes {len(coded)} of {len(honest)} made-up runs have one.")
    print("\n".join(coded))
    return int(bool(missed) or max(share, len(coded) / len(honest)) > MOST_SUSPECTED)


if __name__ == "__main__":
    raise SystemExit(main())
