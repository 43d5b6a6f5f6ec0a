"""The results of a job, computed in two passes over its output manifest."""
