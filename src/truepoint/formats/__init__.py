"""Readers of labels and predictions of other tools, one module per format; `detection.read_labels` chooses one."""
