"""Instances, skeletons and object keypoint similarity (OKS)."""
