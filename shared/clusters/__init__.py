"""The clusters that workers run on: a folder for each value of IMPASTO_CLUSTER."""
