"""Chaos: a stream of deliveries while whatever runs is killed at random; then everything must add up."""
