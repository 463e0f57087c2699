"""Rewards for whole folders of pictures: which pictures, scored how far, and where it is written down."""
