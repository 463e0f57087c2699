"""Studies lie beside the package and are run from the repository's root; tests import them from there."""

from __future__ import annotations

import sys

from support.paths import ROOT

if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))
