"""The page that ``pinrel ui`` serves: what the cluster has, kept up to date, and nothing to press.

Only GET is answered, only on loopback, only under an address that holds a secret. Whatever comes
from the cluster is data here: it travels as JSON and becomes text, never markup.
"""
