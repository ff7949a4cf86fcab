"""Baton: one connection from a hospital's EHR to every cell-therapy manufacturer."""
