"""Packages come without what is left out of them, and nothing else loses what was left out."""

from __future__ import annotations

import subprocess
import sys


def imported(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_quantizer_comes_without_torch_which_can_still_be_imported() -> None:
    assert (
        imported(
            "import sys\nfrom snippets.quick_import import without_torch\nwithout_torch()\n"
            "import onnxruntime.quantization\nprint('torch' in sys.modules)\n"
            "import torch\nprint(torch.ones(2).sum().item())"
        )
        == "False\n2.0"
    )


def test_torch_that_is_there_already_stays() -> None:
    assert (
        imported(
            "import sys, types\nsys.modules['torch'] = here = types.ModuleType('torch')\n"
            "from snippets.quick_import import without_torch\nwithout_torch()\n"
            "print(sys.modules['torch'] is here)"
        )
        == "True"
    )


def test_notebooks_are_checked_without_the_grammar_of_iris() -> None:
    assert (
        imported(
            "import sys\nfrom snippets.quick_import import without_iri_checks\nwithout_iri_checks()\n"
            "import nbformat\nnbformat.validate(nbformat.v4.new_notebook())\n"
            "print(bool(sys.modules.get('rfc3987_syntax')))"
        )
        == "False"
    )
