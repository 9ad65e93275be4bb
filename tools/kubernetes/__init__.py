"""Kubernetes' own programs for tests, the lab and benchmarks: built from Go modules, kept outside the tree."""
