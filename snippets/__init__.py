"""The lab's building blocks: each module is small, importable, tested and shown in the notebooks."""
