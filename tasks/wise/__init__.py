"""WISE (Niu et al. 2025): does a picture show what a prompt implies by world knowledge? Judged."""
