"""Prediction of pre-labels by a pose model: `model` defines the interface, `prelabel_file` writes the file."""
