"""The tests. With ROLLPROOF_FUZZ=1 (`make fuzz`), those that take minutes as well."""

import os

LONG = os.environ.get("ROLLPROOF_FUZZ") == "1"
"""Whether there is time for what takes minutes."""
