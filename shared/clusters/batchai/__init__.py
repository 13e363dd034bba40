"""Batch AI: jobs of an autoscaling cluster, through Azure's own SDK."""
