"""Rewards for whole folders of pictures: the pictures, the scoring, and its log on disk."""
