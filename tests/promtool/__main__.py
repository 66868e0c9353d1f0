"""``python -m promtool`` builds it, and says where it is."""

from __future__ import annotations

import sys

from promtool.tool import ensure

if __name__ == "__main__":
    sys.stdout.write(f"{ensure()}\n")
