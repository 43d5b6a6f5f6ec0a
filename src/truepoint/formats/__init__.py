"""Readers of labels and predictions of other tools, one module a format; `detection.read_labels` chooses one."""
