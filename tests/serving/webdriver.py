"""A real Chromium, driven over WebDriver's plain HTTP (https://www.w3.org/TR/webdriver2/)."""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Optional

import requests

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key under which WebDriver hands out elements."""
CHROMIUM_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars"),
)
CONTROL, ENTER, TAB = "\ue009", "\ue007", "\ue004"


class Browser:
    """One browser window."""

    def __init__(self, profile: Path, language: str = "en") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._driver = subprocess.Popen(
            ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._url = f"http://127.0.0.1:{port}"
        self._http = requests.Session()
        self._http.trust_env = False
        self._wait_for_driver()
        options = {
            "args": [*CHROMIUM_FLAGS, f"--user-data-dir={profile}", f"--lang={language}"],
            "prefs": {"intl.accept_languages": language},
        }
        options["binary"] = shutil.which("chromium") or shutil.which("google-chrome") or ""
        capabilities = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self._url += f"/session/{session['sessionId']}"

    def _wait_for_driver(self) -> None:
        for _ in range(200):
            try:
                if self._ask("GET", "/status")["ready"]:
                    return
            except requests.ConnectionError:
                time.sleep(0.05)
        raise RuntimeError("chromedriver did not start")

    def _ask(self, method: str, path: str, body: Optional[dict[str, Any]] = None) -> Any:
        response = self._http.request(
            method, self._url + path, json=body if method == "POST" else None, timeout=60
        )
        value = response.json()["value"]
        if response.status_code != 200:
            raise RuntimeError(f"{path}: {value['error']}: {value['message'].splitlines()[0]}")
        return value

    def open(self, url: str) -> None:
        """Opens a page and waits until it is loaded."""
        self._ask("POST", "/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script in the page returns."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def until(self, script: str, *arguments: Any) -> Any:
        """Waits until a script returns something true, and returns that."""
        for _ in range(300):
            value = self.run(script, *arguments)
            if value:
                return value
            time.sleep(0.03)
        raise AssertionError(f"never true: {script}; messages: {self.messages()}")

    def click(self, selector: str) -> None:
        """Clicks as a person would: an element that is covered or hidden cannot be clicked."""
        element = self._ask("POST", "/element", {"using": "css selector", "value": selector})
        self._ask("POST", f"/element/{element[ELEMENT]}/click", {})

    def press(self, *keys: str) -> None:
        """Presses keys one after the other into whatever has the focus, then lets go of all."""
        actions = [{"type": "keyDown", "value": key} for key in keys]
        actions += [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self._ask("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def insert(self, text: str) -> None:
        """Text into whatever has the focus, as an input method puts it in: also what no key has."""
        self._command("Input.insertText", text=text)

    def emulate(self, width: int, height: int, scheme: str) -> None:
        """A screen of that size in pixels, light or dark; below 600 pixels a phone."""
        phone = width < 600
        self._command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        self._command(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )

    def screenshot(self, path: Path) -> None:
        """The window as a PNG file."""
        path.write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))

    def messages(self) -> list[str]:
        """What the browser wrote on its console since the last call: errors, blocked resources."""
        return [entry["message"] for entry in self._ask("POST", "/se/log", {"type": "browser"})]

    def accessibility(self) -> list[tuple[str, str]]:
        """Role and name of each node, as a screen reader is told."""
        nodes = self._command("Accessibility.getFullAXTree")["nodes"]
        told = [node for node in nodes if not node["ignored"]]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in told]

    def _command(self, name: str, **parameters: Any) -> Any:
        return self._ask("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def close(self) -> None:
        """Ends the browser."""
        try:
            self._ask("DELETE", "")
        finally:
            self._driver.terminate()
            self._driver.wait(timeout=20)
            self._http.close()
