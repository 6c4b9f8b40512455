"""`python -m diffbgm.cli`."""

import sys

from diffbgm.cli import console

if __name__ == "__main__":
    sys.exit(console())
