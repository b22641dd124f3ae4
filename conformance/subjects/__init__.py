"""Subjects for frameworks: thin files without mathematics of their own."""
