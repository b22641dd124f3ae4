"""Faults planted in the reference implementation: what the suite must find, and what it must not accuse."""
