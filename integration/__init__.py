"""The ground of the sync: what an order, a flow, a delivery and a budget are; no Celery, no HTTP, no system's name."""
