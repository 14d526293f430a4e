"""What else could do the work of the `orders` flow, each as its documentation teaches it, in a folder with its requirements; they are
compared by `python -m benchmarks peers`."""
