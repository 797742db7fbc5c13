"""Runs a sending in bulk for `smtplab send --count`: progress while it lasts, and a summary at its end."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from typing import Any, Protocol

from smtplab.cli.output import print_report
from smtplab.lab.exits import INTERRUPTED, TERMINATED
from smtplab.lab.tally import BulkReport, Tally
from smtplab.view.meaning import reason_text
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

PROGRESS_S = 0.5
"""Between two lines of progress, the first of them too: what is over at once needs none."""

BAR_COLUMNS = 30

NAMED_MAX = 20
"""Messages named in a summary; `--json` has them all."""


class Run(Protocol):
    """Many messages on their way."""

    tally: Tally

    async def __call__(self) -> BulkReport: ...

    def stop(self) -> None: ...

    def report(self) -> BulkReport: ...


def run_bulk(make: Callable[[], Run], texts: Texts, *, as_json: bool) -> int:
    """The exit code. On SIGINT and SIGTERM what is under way is ended first; the summary is printed all the same."""
    report, stopped = _run(_until_stopped(make, texts))
    print_report(report, lambda: summary(report, texts), texts, as_json=as_json)
    return stopped or report.exit_code


def summary(report: BulkReport, texts: Texts) -> list[str]:
    """What was sent, how fast, and what was answered."""
    lines = [
        texts(
            "bulk.summary",
            accepted=report.accepted,
            count=report.count,
            time=texts.duration(report.seconds),
            rate=texts.number(report.rate, 1),
        )
    ]
    for name in ("refused", "deferred", "unknown", "not_sent"):
        number = getattr(report, name)
        if number:
            lines.append("    " + texts(f"bulk.{name}", number=number))
    if report.latency_ms:
        shown = {name: texts.duration(ms / 1000) for name, ms in report.latency_ms.items()}
        lines.append("    " + texts("bulk.latency", **shown))
    for group in report.replies:
        code = " ".join(filter(None, (str(group.code or ""),)))
        text = reason_text(group.text, texts) if group.code is None else safe(group.text)
        lines.append(f"    {group.count:>8} × {' '.join(filter(None, (code, text)))}")
    for one in report.failed[:NAMED_MAX]:
        why = " ".join(filter(None, (str(one.code or ""), reason_text(one.reason, texts))))
        result = texts(f"result.{one.result}")
        lines.append("    " + texts("bulk.failed", name=one.name, recipient=one.recipient, result=result, why=why))
    for name, found in (("bulk.unsent", report.unsent), ("bulk.doubtful", report.doubtful)):
        lines += ["    " + texts(name, name=one) for one in found[:NAMED_MAX]]
    more = sum(max(0, len(found) - NAMED_MAX) for found in (report.failed, report.unsent, report.doubtful))
    return [*lines, "    " + texts("bulk.more", count=more)] if more else lines


async def _until_stopped(make: Callable[[], Run], texts: Texts) -> tuple[BulkReport, int | None]:
    run = make()
    stopped: list[int] = []
    task = asyncio.create_task(run())

    def stop(code: int) -> None:
        if stopped:
            task.cancel()
        stopped.append(code)
        run.stop()

    loop = asyncio.get_running_loop()
    for sign, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)):
        try:
            loop.add_signal_handler(sign, stop, code)
        except (NotImplementedError, ValueError, RuntimeError):
            break
    progress = asyncio.create_task(_progress(run, texts)) if sys.stderr.isatty() else None
    try:
        report = await task
    except asyncio.CancelledError:
        if not stopped:
            raise
        report = run.report()
    finally:
        if progress is not None:
            progress.cancel()
            await asyncio.gather(progress, return_exceptions=True)
    return report, (stopped[0] if stopped else None)


async def _progress(run: Run, texts: Texts) -> None:
    try:
        while True:
            await asyncio.sleep(PROGRESS_S)
            report = run.report()
            done = run.tally.done
            filled = BAR_COLUMNS * done // report.count
            bar = "#" * filled + "-" * (BAR_COLUMNS - filled)
            said = texts("bulk.progress", done=done, count=report.count, rate=texts.number(report.rate))
            half = texts.duration(report.latency_ms.get("p50", 0.0) / 1000)
            sys.stderr.write(f"\r\x1b[K[{bar}] {said}, p50 {half}")
            sys.stderr.flush()
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def _run(work: Any) -> tuple[BulkReport, int | None]:
    try:
        # An extra: where it is installed, a message costs a third less.
        import uvloop  # noqa: PLC0415
    except ImportError:
        return asyncio.run(work)  # type: ignore[no-any-return]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)  # type: ignore[no-any-return]
