"""The window to the API server: reads into core values, and the only module that writes.

No policy lives here. ``reader`` sends GET, ``writer`` alone sends anything else, ``patches`` and
``decode`` are pure.
"""
