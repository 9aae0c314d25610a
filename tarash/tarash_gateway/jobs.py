"""Handles on jobs: what a provider has accepted, and this or another process may wait for."""

from __future__ import annotations

from ._jobs._handles import ImageJob, VideoJob

__all__ = ["ImageJob", "VideoJob"]
