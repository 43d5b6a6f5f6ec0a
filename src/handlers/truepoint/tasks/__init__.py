"""Labelling jobs outside Ground Truth: descriptions, documents, loading, answers and the job's output."""
