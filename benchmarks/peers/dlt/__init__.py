"""A dlt pipeline from a REST resource to a custom destination."""
