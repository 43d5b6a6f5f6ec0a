"""Detection of probable label errors without a reference."""
