"""The window to registries: it asks and reports, and never decides what runs.

What comes back is a fact about a tag or a digest, or a typed error. Nothing here knows Kubernetes,
nothing here builds a DeclaredDigest, and one module (``transport``) opens connections. Everything
that a registry sends is bounded in size and time.
"""
