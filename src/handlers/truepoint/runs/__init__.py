"""One run: a finished job's results written to the bucket, step by step."""
