"""Ways of arrival: how files come to us. docs/collecting.md shows each; a way is a class (see way.py)."""
