"""Packages of others, as tests install them."""
