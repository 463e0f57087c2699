"""Studies are no part of the package; they are imported from the repository's root."""

from __future__ import annotations

import sys

from support.paths import ROOT

if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))
