"""Rewarders: (prompt, picture) to a reward. Registered in the group ``selfreward_eval.rewarders``."""
