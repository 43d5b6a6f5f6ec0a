"""Instances and skeletons, and how alike two poses are (OKS)."""
