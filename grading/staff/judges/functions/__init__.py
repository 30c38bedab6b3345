"""Cases and expected values of the coding questions, a module for each subject. They stay in the parent: no sandbox
sees them. Whole solutions, as staff may show them, are in grading/staff/solutions."""

from __future__ import annotations

import random

from grading.functions import worlds
from grading.functions.tasks import Task
from grading.staff.judges.functions import edge, model, products, quantization, serving, system
from grading.staff.judges.functions.case import Case, Maker

__all__ = ["Case", "cases"]

MAKERS: dict[str, Maker] = {
    **model.MAKERS,
    **products.MAKERS,
    **quantization.MAKERS,
    **edge.MAKERS,
    **system.MAKERS,
    **serving.MAKERS,
}


def cases(task: Task, seed: str) -> list[Case]:
    """The cases of a task, the same for the same seed (a hash of the file under test), so that grading repeats."""
    solve, make = MAKERS[task.name]
    made = make(random.Random(f"{task.id} {seed}"))
    return [Case(arguments, worlds.call(task.world, solve, arguments), about) for arguments, about in made]
