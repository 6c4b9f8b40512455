from typing import Any

adapters: Any
opentime: Any
schema: Any
