"""The text of alerts, and the channels that deliver them."""
