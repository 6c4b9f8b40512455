"""Processor time of reading one brief: `python -m tests.bench.briefs`; at most 50 ms is asked."""

import time

from tests.brief.hostile import HOSTILE

from diffbgm.brief import read_brief

READINGS = 5


def main() -> None:
    """Prints the least milliseconds of READINGS, for each text."""
    read_brief("piano")  # reads the tables
    for text in HOSTILE:
        spent: list[float] = []
        for _ in range(READINGS):
            began = time.process_time()
            read_brief(text)
            spent.append(time.process_time() - began)
        print(f"{1000 * min(spent):6.1f} ms  {len(text):6d} characters  {text[:40]!r}")


if __name__ == "__main__":
    main()
