"""`sluice up`: everything that running for real needs, on loopback, and `sluice down`, which ends it."""
