"""Labelling jobs outside Ground Truth: who labels which image when, and how their answers become the job's output."""
