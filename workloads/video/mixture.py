"""Parses the model that a job names: one model, a mixture, a part of its strength, the fine way.

great-wave      great-wave:0.7+auvers:0.3      great-wave@0.6      great-wave!fine
"""

import math
from typing import NamedTuple, Self

from shared.errors import Refused
from shared.models import NAME
from shared.names import shown

FINE = "fine"
MOST_PARTS = 8
LARGEST_WEIGHT = 1000


class Mixture(NamedTuple):
    parts: dict[str, float]  # by name; they add up to 1
    strength: float = 1.0
    #: Whether it is painted in the slower, finer way.
    fine: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        plain, mark, way = text.partition("!")
        if mark and way != FINE:
            raise Refused(f"{shown('!' + way)} in {shown(text)} isn't known; only !{FINE} is")
        whole, at, strength = plain.partition("@")
        parts: dict[str, float] = {}
        for part in whole.split("+"):
            name, colon, weight = part.partition(":")
            if not NAME.fullmatch(name):
                where = "" if name == text else f" in {shown(text)}"
                raise Refused(f"no model is called {shown(name)}{where}: {RULE}")
            if name in parts:
                raise Refused(f"{shown(text)} has {name} in it twice")
            parts[name] = positive(weight, text) if colon else 1.0
        if len(parts) > MOST_PARTS:
            raise Refused(f"{shown(text)} mixes {len(parts)} models; {MOST_PARTS} is the most")
        total = sum(parts.values())
        shares = {name: weight / total for name, weight in parts.items()}
        found = cls(shares, positive(strength, text) if at else 1.0, bool(mark))
        if found.strength > 1:
            raise Refused(f"the strength in {shown(text)} is more than 1, which is all of it")
        return found

    @property
    def mixed(self) -> bool:
        return len(self.parts) > 1


RULE = "names have small letters, digits and dashes, and are joined as in a:0.7+b:0.3@0.5!fine"


def positive(text: str, whole: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= LARGEST_WEIGHT:
        raise Refused(f"{shown(text)} in {shown(whole)} isn't above 0 and at most {LARGEST_WEIGHT}")
    return number
