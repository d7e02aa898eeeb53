"""A server over the fake tagger, for the tests and `serve_load.py --fake`; its argument: settings as JSON."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(settings_json: str) -> None:
    """Serves until SIGTERM; the address is printed once it listens."""
    from nerctl.serving.server import run
    from nerctl.serving.settings import ServerSettings

    logging.basicConfig(level=logging.WARNING)
    settings = json.loads(settings_json)
    for name in ("tokens", "origins"):
        settings[name] = tuple(settings.get(name, ()))
    run(
        ServerSettings(worker_module="fake_worker", port=0, **settings),
        announce=lambda url: print(url, flush=True),
    )


if __name__ == "__main__":
    sys.path[:1] = [str(HERE), str(HERE.parent.parent)]
    main(sys.argv[1])
