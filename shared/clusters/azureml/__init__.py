"""Azure Machine Learning: jobs of an AmlCompute cluster, through Azure's own SDK."""
