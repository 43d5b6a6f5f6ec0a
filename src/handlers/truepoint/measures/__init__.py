"""Measures of a job's workers and labels: agreement, sigmas, error kinds, changes of pre-labels, gold images."""
