"""A drt project: one incremental sync between connectors of our own, as drt has none that page or look up as these systems need."""
