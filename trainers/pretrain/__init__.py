"""Pretraining of the embedded tiny model; ``python -m selfreward_eval.trainers.pretrain --help``."""
