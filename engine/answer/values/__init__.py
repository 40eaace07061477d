"""The values of metrics, and how rows become them."""
