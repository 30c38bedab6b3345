"""The network and its weights: definition, weight files, training, accuracy."""
