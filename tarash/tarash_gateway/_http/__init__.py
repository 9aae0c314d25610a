"""Exchanges with a server: connections, bodies, credentials by origin. Knows no provider."""
