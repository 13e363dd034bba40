"""A number and what it counts, in words: `1 job`, `2,000 jobs`."""


def counted(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")
