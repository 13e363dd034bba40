"""An Azure Machine Learning cluster and its jobs: what the dispatcher and the console both need."""
