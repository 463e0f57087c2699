"""Evaluation of unified multimodal models, with self-reward rewarders and trainers."""

__version__ = "0.1.0"
