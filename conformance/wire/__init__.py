"""The wire protocol: an implementation in a process of its own, in any language. docs/wire.md describes it."""
