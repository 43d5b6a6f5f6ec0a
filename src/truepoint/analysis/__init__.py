"""Quality analysis of label files without AWS. The results have the files of a job's results and are computed by the same code."""
