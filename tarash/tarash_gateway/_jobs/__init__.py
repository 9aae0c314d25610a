"""Jobs: opening one, its chain of configs, handles and tokens, plans. Knows no wire.

Its modules, by duty:

- The gateway and what stands behind its methods: `_gateway`, `_entry_points`, `_arguments`,
  `_resources`, `_annotations`, `_adapters`, `_traffic_report`.
- Questions that buy nothing: `_asking`, `_plan`, `_catalogue`, `_prices`, `_inspection`,
  `_spend`, `_named_models`.
- One job: `_opening`, `_job`, `_calls`, `_chain`, `_hedging`, `_continuation`, `_callbacks`,
  `_delivery`, `_ending`, `_closing`, `_withdrawing`, `_stopping`.
- Later, and in other processes: `_keeping`, `_resuming`, `_restore_attempts`, `_handles`,
  `_tokens`, `_updates`, `_settling`, `_late_costs`, `_forgotten`, `_listing`.
- What a ledger keeps of a call: `_store`, `_sharing`, `_drop_media`.
- Workers: `_queue`, `_working`.
- The inbox of webhooks: `_inbox`, `_inbox_facts`, `_inbox_app`, `_inbox_server`.
"""
