"""Energy, valence and the like by vibenet (GPL-3, never shipped with this package). Runs in a Python of its own."""

import json
import sys

from vibenet import load_model  # pyright: ignore[reportMissingImports]

model = load_model()  # pyright: ignore[reportCallIssue]
print(json.dumps([result.to_dict() for result in model.predict(sys.argv[1:])]))
