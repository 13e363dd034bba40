"""Replicas that Compose or Kubernetes keeps: nothing here starts a worker."""
