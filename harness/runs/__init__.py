"""Runs: a model on tasks, from the plan to a folder of pictures, samples and scores."""
