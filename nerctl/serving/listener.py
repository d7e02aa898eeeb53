"""What a server tells while it runs, to whoever started it."""

from __future__ import annotations

from typing import Any


class Listener:
    """Each method does nothing; override those that matter."""

    def listening(self, url: str) -> None:
        """The address is taken, and connections wait from now on; the model is loaded next."""

    def loaded(self, description: dict[str, Any], workers: int) -> None:
        """A worker has loaded the model, so that `workers` of them are ready; `description` as `GET /v1/model` has it."""

    def stopping(self, requests: int) -> None:
        """A signal came; so many requests are under way, and are answered before the server ends."""
