"""The commands of `impasto`: their arguments, and what they print."""
