"""Trainers: what turns rewards, or rendered scenes, into a checkpoint."""
