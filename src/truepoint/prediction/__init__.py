"""Predictions of a model as pre-labels: `model` and its kinds predict, `prelabel_file` writes the file."""
