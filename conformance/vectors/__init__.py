"""Vectors: the suite's cases as files, for implementations in any language, and judging the results made from them."""
