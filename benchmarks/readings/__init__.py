"""What a model for each device costs: beside the usual ways, from few devices to many, whole."""
