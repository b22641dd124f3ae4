"""Implementations that are right but different from the reference, entered into ``DIFFERENT``: none may be accused."""
