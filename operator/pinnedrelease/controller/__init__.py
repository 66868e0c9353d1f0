"""Runs the loop: watches wake keys, a queue hands them to workers, workers call the reconciler.

Nothing is decided here. kopf carries login, watches and signals, in one module (``watches``);
all other tasks are ours and supervised together (``service``).
"""
