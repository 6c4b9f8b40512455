"""`python -m diffbgm.cli`."""

import sys

from diffbgm.cli import main

if __name__ == "__main__":
    sys.exit(main())
