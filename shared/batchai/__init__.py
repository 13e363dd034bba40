"""A Batch AI cluster, through Azure's own SDK: what the dispatcher and the console both need."""
