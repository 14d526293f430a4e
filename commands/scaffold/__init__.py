"""Scaffolds: the files with which a new system, or a new mapping of one, begins."""
