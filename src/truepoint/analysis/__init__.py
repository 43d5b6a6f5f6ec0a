"""Quality analysis of label files without AWS: the same results as a job's, computed by the same code."""
