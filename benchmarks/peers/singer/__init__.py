"""A tap and a target of the Singer SDK, joined by a pipe."""
