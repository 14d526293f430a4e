"""The `integration` command line: what operators and engineers do by hand."""
