"""Signs of label errors, found without a reference."""
