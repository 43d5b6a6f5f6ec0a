"""What a job's results hold, computed in two passes over its output manifest."""
