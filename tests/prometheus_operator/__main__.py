"""``python -m prometheus_operator`` fetches the CRDs, and says where they are."""

from __future__ import annotations

import sys

from prometheus_operator.crds import ensure

if __name__ == "__main__":
    sys.stdout.writelines(f"{path}\n" for path in ensure())
