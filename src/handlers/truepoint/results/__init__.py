"""The results of a job, computed in two passes over the lines of its output manifest."""
