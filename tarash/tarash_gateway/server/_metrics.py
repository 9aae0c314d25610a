"""Numbers of the server, in the text format of Prometheus. Names of routes only, no ids."""

from __future__ import annotations

from collections import Counter

BOUNDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0)
"""Seconds."""
MOST_ROWS = 2000
TEXT = "text/plain; version=0.0.4; charset=utf-8"
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class Metrics:
    """Counts requests and their time."""

    def __init__(self) -> None:
        self._under_way = 0
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets: Counter[tuple[str, float]] = Counter()
        self._seconds: dict[str, float] = {}
        self._counts: Counter[str] = Counter()

    def begin(self) -> None:
        """Count a request that has come."""
        self._under_way += 1

    def end(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count its answer."""
        self._under_way -= 1
        row = (method if method in METHODS else "other", route, status)
        if row not in self._requests and len(self._requests) >= MOST_ROWS:
            return

        self._requests[row] += 1
        self._counts[route] += 1
        self._seconds[route] = self._seconds.get(route, 0.0) + seconds
        for bound in BOUNDS:
            if seconds <= bound:
                self._buckets[route, bound] += 1

    def text(self, jobs: int) -> str:
        """Return all numbers.

        Args:
            jobs: How many jobs this process drives.
        """
        lines = [
            "# TYPE tarash_http_requests_total counter",
            *(
                f'tarash_http_requests_total{{method="{method}",route="{route}",status="{status}"}}'
                f" {count}"
                for (method, route, status), count in sorted(self._requests.items())
            ),
            "# TYPE tarash_http_request_seconds histogram",
        ]
        for route in sorted(self._counts):
            lines += [
                f'tarash_http_request_seconds_bucket{{route="{route}",le="{bound:g}"}} '
                f"{self._buckets[route, bound]}"
                for bound in BOUNDS
            ]
            whole = self._counts[route]
            lines += [
                f'tarash_http_request_seconds_bucket{{route="{route}",le="+Inf"}} {whole}',
                f'tarash_http_request_seconds_sum{{route="{route}"}} {self._seconds[route]:.6f}',
                f'tarash_http_request_seconds_count{{route="{route}"}} {whole}',
            ]

        lines += [
            "# TYPE tarash_http_requests_under_way gauge",
            f"tarash_http_requests_under_way {self._under_way}",
            "# TYPE tarash_jobs_driven gauge",
            f"tarash_jobs_driven {jobs}",
        ]
        return "\n".join(lines) + "\n"
