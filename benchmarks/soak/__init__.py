"""The proof that it holds: a stack under load and faults, and what became of every video.

`python -m benchmarks.soak` tells the story; a module beside it knows each kind of trouble.
"""
