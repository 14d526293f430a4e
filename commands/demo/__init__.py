"""`integration demo`: the whole thing at work between simulated systems, with orders of whose fate it is sure."""
