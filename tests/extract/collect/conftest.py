"""The fixtures of collection."""

from collect_feed import allowed, things, web

__all__ = ["allowed", "things", "web"]
