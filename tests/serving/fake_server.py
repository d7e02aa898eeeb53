"""A server over the fake tagger, for the tests and `serve_load.py --fake`.

Its argument: settings as JSON, and beside them `access_log`, whether the command's access log is wanted, and `tells`,
whether standard error gets what the listener is told.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def main(settings_json: str) -> None:
    """Serves until SIGTERM; the address is printed once it listens."""
    from nerctl.commands.serve import show_logs
    from nerctl.serving.listener import Listener
    from nerctl.serving.server import run
    from nerctl.serving.settings import ServerSettings

    settings = json.loads(settings_json)
    show_logs(settings.pop("access_log", False))
    tells = settings.pop("tells", False)

    class Address(Listener):
        def listening(self, url: str) -> None:
            print(url, flush=True)

        def loaded(self, description: dict[str, Any], workers: int) -> None:
            if tells:
                print("loaded", description["engine"], workers, file=sys.stderr, flush=True)

        def stopping(self, requests: int) -> None:
            if tells:
                print("stopping", requests, file=sys.stderr, flush=True)

    for name in ("tokens", "origins"):
        settings[name] = tuple(settings.get(name, ()))
    run(ServerSettings(worker_module="fake_worker", port=0, **settings), Address())


if __name__ == "__main__":
    sys.path[:1] = [str(HERE), str(HERE.parent.parent)]
    main(sys.argv[1])
