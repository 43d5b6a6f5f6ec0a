"""Measures of a job's workers and labels: agreement, sigmas, changes, gold."""
