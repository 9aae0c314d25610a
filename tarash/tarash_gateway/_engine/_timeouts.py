"""The engine's timeouts, in seconds, and its other limits."""

from __future__ import annotations

FETCH_SECONDS = 300
"""Reading a finished result may go on for so long, also beyond the deadline, while bytes flow."""
SLOW_START_SECONDS = 3
"""Nobody can tell before how long the rest of it will take."""
POLL_SECONDS = 30
"""One poll may take so long, so that a hung exchange can't eat the deadline."""
CANCEL_SECONDS = 5
"""Clean-up after a deadline or a cancellation may take so long."""
LEFT_SECONDS = 1
"""Whoever has left a goodbye may take so long to write down what is known by then."""
FLUSH_SECONDS = 5
"""A ledger may take so long to write down how a job ended."""
LAST_LOOK_SECONDS = 2.5
"""Of those, what the last poll before the verdict may take at most."""
TOLD_SECONDS = 60
"""An end that the answer to a submit tells is believed for so long: addresses of media may end."""
UNSEEN_SECONDS = 3
"""A job whose submit is longer ago may have ended before anybody looked."""
DENIED_SECONDS = 60
"""A job may be unknown to the provider's machines for so long: just made, or on a bad day."""
DENIALS = 6
"""And in so many polls at least, however far apart they are."""
LONGEST_PACE = 120
"""A provider may put off the next poll by so much."""
LARGEST_MEMORY = 50
"""Kinds of trouble of one job that are each reported once."""
NUDGE_SECONDS = 1
"""Polls that nudges ask for are no closer than this, and no closer than the provider allows."""
STREAM_POLL_FACTOR = 2
"""While a status stream is alive, polls are so many poll intervals apart."""
WEBHOOK_POLL_FACTOR = 6
"""While a provider's calls arrive, polls of a job that it was asked to call about are so many."""

BEATS = 3
"""How often a holder tells a ledger in each lease that it is alive."""
FAILED_BEATS = 15
"""And where the ledger could not be written, until it can."""
SURE_SECONDS = 10
"""A submit that is about to leave may take so long, however short the lease is."""
LARGEST_PAYLOAD = 64 * 1024
"""Characters of a payload that is kept in a ledger, to know its job again."""
SEARCH_PAUSES = (0.5, 2, 4)
"""Before each reading of a provider's list for a job whose answer was lost."""
