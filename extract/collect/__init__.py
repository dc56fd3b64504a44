"""Ways of arrival: how files come to us."""
