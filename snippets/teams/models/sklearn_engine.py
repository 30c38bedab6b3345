"""engine.py of a team that brings a scikit-learn classifier, kept by joblib: a pickle, which runs code when it is read.

It was made by one version of scikit-learn and may mean something else to another, so another version is refused.
"""

import numpy as np

SIDE = 8


def features(photos):
    """What this team's classifier looks at: the mean colours of 8 x 8 tiles, float32 (N,192), of uint8 (N,H,W,3)."""
    count, height, width, _ = photos.shape
    tiles = photos.reshape(count, SIDE, height // SIDE, SIDE, width // SIDE, 3)
    return (tiles.mean(axis=(2, 4)) / 255).reshape(count, -1).astype(np.float32)


def load(path, threads, device):
    """A function from photos, uint8 (N,H,W,3), to probabilities, float32 (N,classes)."""
    import warnings

    import joblib
    from sklearn.exceptions import InconsistentVersionWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        model = joblib.load(path)
    model.n_jobs = threads
    return lambda photos: model.predict_proba(features(np.asarray(photos))).astype(np.float32)
