"""What every room may use: the portal, logs, secrets, warnings, ids. Knows none of them."""
