"""Quality analysis of label files without AWS. The same code computes the results of a job."""
