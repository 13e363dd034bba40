"""A stack under load and faults: was any video, message or frame lost?

`run.py` has the schedule; each other module injects one kind of fault or checks one thing.
"""
