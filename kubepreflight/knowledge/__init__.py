"""Versioned facts about Kubernetes and add-ons: data files and their loaders."""
