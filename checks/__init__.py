"""Rules, gates and doubt. Soda is imported in here only, after this has been set."""

import os

# Read by Soda when it is imported; offline its telemetry costs 6 s per process.
os.environ.setdefault("SODA_CORE_TELEMETRY_ENABLED", "false")
