"""Settings every test shares: property tests draw the same examples on every machine.

``HYPOTHESIS_PROFILE=search`` draws new ones instead, to look for what the fixed ones miss.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))
