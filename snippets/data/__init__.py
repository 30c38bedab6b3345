"""The images and their classes: the splits, where they come from, and how an image is decoded."""

from snippets.data.datasets import SPLITS, Dataset, dataset

__all__ = ["SPLITS", "Dataset", "dataset"]
