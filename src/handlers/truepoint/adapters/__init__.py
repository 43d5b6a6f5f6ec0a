"""Adapters: the only modules that call AWS services or read environment variables."""
