"""The adapters, one provider a file; each is imported on first use only."""
