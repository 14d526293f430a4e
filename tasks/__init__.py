"""The line as Celery tasks: each resolves what it works with, calls the ground, and rings the next bell. Celery is known here alone."""
