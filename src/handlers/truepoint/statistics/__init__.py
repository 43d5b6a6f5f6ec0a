"""Statistics that count line by line and merge exactly: the parts of a job merge to the statistic of the whole job."""
