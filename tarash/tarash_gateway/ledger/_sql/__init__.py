"""What each call of a ledger does to an SQL database, in one text for all that keep ledgers.

The statements are PostgreSQL's; `sqlite/_dialect` turns the few words that SQLite says differently.
What the two keep in different ways (media, amounts, versions of states) their own rooms say.
"""
