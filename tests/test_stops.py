"""What SIGINT and SIGTERM do to work that is under way, and that the handlers of before are there again afterwards."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest
import typer

from nerctl.commands._stops import signals, stops
from nerctl.console import out

BOTH = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def loud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lines are said, and the handlers afterwards are those of before."""
    monkeypatch.setattr(out, "quiet", False)
    before = [signal.getsignal(number) for number in BOTH]
    yield
    assert [signal.getsignal(number) for number in BOTH] == before


@pytest.mark.parametrize("number", BOTH)
def test_work_that_is_in_order_anywhere_ends_where_the_signal_comes(number: int, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(typer.Exit) as caught, stops(lambda: "Stopped; two are kept."):
        os.kill(os.getpid(), number)
        pytest.fail("the work went on")
    assert caught.value.exit_code == 128 + number
    assert capsys.readouterr().err == "Stopped; two are kept.\n"


@pytest.mark.parametrize("number", BOTH)
def test_work_that_first_ends_what_it_is_at_is_told_and_a_second_signal_ends_it(
    number: int, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(KeyboardInterrupt), signals() as stop:
        assert stop() is None
        os.kill(os.getpid(), number)
        assert stop() == number
        assert capsys.readouterr().err.startswith("Finishing the step, then saving;")
        os.kill(os.getpid(), number)
        pytest.fail("the work went on")


def test_beside_the_main_thread_the_handlers_are_left_alone() -> None:
    seen = []

    def work() -> None:
        with stops(lambda: ""), signals() as stop:
            seen.append((stop(), [signal.getsignal(number) for number in BOTH]))

    before = [signal.getsignal(number) for number in BOTH]
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(None, before)]
