"""Clarity eCommerce: the shop in front of an ERP."""
