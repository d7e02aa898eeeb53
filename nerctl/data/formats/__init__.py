"""Annotation formats: one module a format or a family of them, all named in `registry`."""
