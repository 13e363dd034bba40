"""How much the content counts in the loss: more for a style that is painted well."""

import math

#: How much the logarithm of a style's weight changes with each of its pictures.
PACE = 0.05
#: A weight stays within this factor of the first one.
LIMIT = 4.0


class ContentWeights:
    """A weight of the content for each style, as some paintings are easier to paint than others.

    A style's weight rises while the distance of its tinted squares is below the goal, and falls
    while it is above.
    """

    def __init__(self, styles: int, first: float, goal: float) -> None:
        self.values = [first] * styles
        self._first, self._goal = first, goal

    def update(self, style: int, tint: float) -> None:
        weight = self.values[style] * math.exp(PACE * (self._goal - tint))
        self.values[style] = min(max(weight, self._first / LIMIT), self._first * LIMIT)
