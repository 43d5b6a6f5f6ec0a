"""The edge: the only modules that talk to AWS or read the environment."""
