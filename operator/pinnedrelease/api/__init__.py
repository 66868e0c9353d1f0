"""The resource as users write it: models, validation rules, the CRD, and the way to core values.

JSON from outside becomes a typed value here or an error with the path of the field. Nothing here
does I/O, and no model of this room travels further inward than :mod:`pinnedrelease.api.convert`.
"""
