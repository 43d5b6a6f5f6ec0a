"""A run writes a finished job's results to the bucket, step by step."""
