"""Text of others, such as names of blobs, without what would change how it is shown."""

import unicodedata

#: Characters that may move the cursor, change the terminal, or show text in another order.
UNSAFE = frozenset(("Cc", "Cf", "Co", "Cs", "Zl", "Zp"))
LINES = "\n"


def safe(text: str, keep: str = "") -> str:
    r"""The text with unsafe characters as escape sequences like \x1b, except those in `keep`."""
    return "".join(
        char
        if char in keep or unicodedata.category(char) not in UNSAFE
        else char.encode("unicode_escape").decode()
        for char in text
    )
