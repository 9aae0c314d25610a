"""Drives one attempt: build → submit → poll until it is done → parse. Adapters never wait: it does.

A submit leaves at most once unless it certainly bought nothing; an accepted job is never lost to a
failing poll. Who is tried next is the business of `_jobs`.

Its modules, by duty:

- An attempt from its start to its end: `_drive`, `_attempt`, `_outcome_recorder`, `_handlers`,
  `_outlook`, `_progress`, `_audience`, `_troubles`.
- Before anything is sent: `_admission`, `_fitting`, `_schemas`, `_uploads`, `_continuing`,
  `_accounts`, `_key_fingerprints`, `_trust`.
- The submit, and one whose answer was lost: `_submit`, `_search`, `_second_jobs`, `_timeouts`,
  `_statuses`, `_received`, `_answered_end`.
- Waiting for the end: `_poll_loop`, `_poll_values`, `_poll_schedule`, `_poll_once`, `_patience`,
  `_times`, `_loop_state`, `_intermediaries`, `_blanks`, `_remote`; for many jobs at once
  `_shared_polls`, `_poll_subscriber`; by the provider's calls `_callbacks`,
  `_cross_process_wakeups`.
- The result: `_result`, `_reading`, `_labels`, `_makers`.
- Stopping: `_stopping`, `_cancelling`.
- Money: `_money`, `_quoting`, `_asking`, `_costing`, `_spending`, `_budgets`, `_cheaper`.
- Limits and circuits: `_concurrency_limits`, `_limit_rules`, `_slot_queue`, `_learned_limits`,
  `_breakers`, `_circuit`.
- What the ledger knows: `_lease`, `_heartbeat`, `_recording`, `_entries`.
"""

from __future__ import annotations

from ._admission import admitted
from ._asking import asked_price
from ._breakers import Breakers
from ._callbacks import Callbacks
from ._concurrency_limits import ConcurrencyLimits
from ._costing import take_seen
from ._cross_process_wakeups import name_job, post_wakeup
from ._drive import conclude_interrupted, drive
from ._entries import (
    FACTS,
    error_record,
    keeps_money,
    rewrite,
    settle,
    settle_stopped,
    settle_watched,
)
from ._fitting import EngineContext, checked_payload, fitted_call
from ._handlers import handle
from ._heartbeat import kept_alive
from ._lease import Lease, bounded, job_was_stopped, ledger_failed
from ._makers import RegistryMakers
from ._quoting import quoted, with_computing
from ._received import dumped, facts_of
from ._remote import poll_once, stop
from ._second_jobs import entries_of, keep_second, operation_named
from ._timeouts import FLUSH_SECONDS
from ._times import kind_of
from ._trust import is_id

__all__ = [
    "FACTS",
    "FLUSH_SECONDS",
    "Breakers",
    "Callbacks",
    "ConcurrencyLimits",
    "EngineContext",
    "Lease",
    "RegistryMakers",
    "admitted",
    "asked_price",
    "bounded",
    "checked_payload",
    "conclude_interrupted",
    "drive",
    "dumped",
    "entries_of",
    "error_record",
    "facts_of",
    "fitted_call",
    "handle",
    "is_id",
    "job_was_stopped",
    "keep_second",
    "keeps_money",
    "kept_alive",
    "kind_of",
    "ledger_failed",
    "name_job",
    "operation_named",
    "poll_once",
    "post_wakeup",
    "quoted",
    "rewrite",
    "settle",
    "settle_stopped",
    "settle_watched",
    "stop",
    "take_seen",
    "with_computing",
]
