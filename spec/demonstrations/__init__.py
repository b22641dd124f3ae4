"""Statements that are shown by a short computation: each function returns expressions that must be exactly zero."""
