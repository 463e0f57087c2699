"""Does the reward of dual self-rewards know which caption of a picture is better?"""
