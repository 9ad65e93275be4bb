"""What Kubernetes does, as pure functions that rules share."""
