"""The HTTP side: webhooks come in here, are kept, and ring for what they are about."""
