"""GenEval (Ghosh et al. 2023): the official decisions, with instruments behind contracts."""
