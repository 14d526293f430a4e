"""A plain Celery chain with one record per chain: what people write first."""
