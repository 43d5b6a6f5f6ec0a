"""Quality analysis of label files without AWS. The results are those of a job, computed by the same code."""
