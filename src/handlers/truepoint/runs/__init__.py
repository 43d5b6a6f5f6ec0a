"""Runs: write a finished job's results to the bucket, step by step."""
