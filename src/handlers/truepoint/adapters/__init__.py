"""The only modules that call AWS or read the environment."""
