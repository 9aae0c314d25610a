"""Jobs: opening one, its chain of configs, handles and tokens, plans. Knows no wire."""
