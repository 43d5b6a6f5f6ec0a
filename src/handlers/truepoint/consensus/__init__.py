"""Consensus: combines several workers' labels of one image into one list of instances."""
