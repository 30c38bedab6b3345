"""What is right: judges of choices and numbers that are worked out from a record, a module a part."""

from __future__ import annotations

from collections.abc import Mapping

from grading.checks import edge as edge_predictions
from grading.checks import model as model_predictions
from grading.checks import system as system_predictions
from grading.checks.judging import Judge
from grading.questions.own import own_judges
from grading.staff.judges import edge, model, system, tokens

JUDGES: Mapping[str, Judge] = {
    **model_predictions.JUDGES,
    **edge_predictions.JUDGES,
    **system_predictions.JUDGES,
    **model.JUDGES,
    **edge.JUDGES,
    **system.JUDGES,
    **tokens.JUDGES,
    **own_judges("judges"),
    **own_judges("staff/judges"),
}
"""Of every question that a machine grades, predictions included, by its id; none of the kit's is given twice. A
course's own come last and take the place of the kit's."""
