"""Where the checkout is."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
"""Root of the checkout: `README.md` and `assets/` are in it."""

ASSETS: Final = ROOT / "assets"
"""Folder with what training made."""
