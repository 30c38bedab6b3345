"""What is right: judges of choices and numbers that are worked out from a record, a module a part."""

from __future__ import annotations

from collections.abc import Mapping

from grading.checks import edge as edge_predictions
from grading.checks import model as model_predictions
from grading.checks import system as system_predictions
from grading.checks.judging import Judge
from grading.staff.judges import edge, model, system, tokens

JUDGES: Mapping[str, Judge] = {
    **model_predictions.JUDGES,
    **edge_predictions.JUDGES,
    **system_predictions.JUDGES,
    **model.JUDGES,
    **edge.JUDGES,
    **system.JUDGES,
    **tokens.JUDGES,
}
"""Of every question that a machine grades, predictions included, by its id. None is given twice."""
