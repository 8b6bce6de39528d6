"""Webhooks: URLs to which events of assets are posted, by the rules of Standard Webhooks."""
