"""Faults that were found in released software, re-created: one module a family, entered into ``REPORTED``."""
