"""One pass for one key: gather, plan, execute. The one path that operator and CLI share.

No watch, no loop, no printing here; the clock lives here and is handed in everywhere else.
"""
