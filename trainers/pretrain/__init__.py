"""Pretraining of the embedded tiny model; ``python -m trainers.pretrain --help``."""
