"""OpenAI and servers that speak its wire."""
