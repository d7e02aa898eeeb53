"""nerctl archive: a run's data set, checkpoint and logs put away, with checksums."""

from __future__ import annotations

import posixpath
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer

from nerctl.commands._help import DATA, MODEL, OUTPUT, choices
from nerctl.commands._progress import Progress
from nerctl.commands._stops import stops
from nerctl.console import out
from nerctl.errors import FailedError, NerctlError
from nerctl.transfer import PROJECT, Layout, What
from nerctl.wording import counted

if TYPE_CHECKING:
    from nerctl.transfer.archive_plan import Plan


def archive(
    to: Optional[str] = typer.Option(
        None, "--to",
        help="A folder, [user@]host:/path, sftp://..., or an fsspec address.", metavar="TARGET", rich_help_panel=OUTPUT,
    ),
    verify: Optional[str] = typer.Option(
        None, "--verify",
        help="Check every archive below TARGET; nothing is written.", metavar="TARGET", rich_help_panel=OUTPUT,
    ),
    what: What = typer.Option(
        "all", "--what", help="What to archive.", metavar=choices(What), rich_help_panel=DATA
    ),
    layout: Layout = typer.Option(
        "flat", "--layout",
        help="flat: dataset/, checkpoint/, logs/. turing: NAME/, GPU/NAME/, results/NAME/.",
        metavar=choices(Layout),
        rich_help_panel=OUTPUT,
    ),
    run_name: str = typer.Option(
        "", "--run-name", help="Folder for this run below its place.", metavar="NAME", rich_help_panel=OUTPUT
    ),
    output_dir: Path = typer.Option(
        Path("output"), "--output-dir", help="The run.", metavar="DIR", rich_help_panel=MODEL
    ),
    data_dir: Optional[Path] = typer.Option(
        None, "--data-dir",
        help="The data set; without it, the one that the run has read.", metavar="DIR", rich_help_panel=DATA,
    ),
    name: str = typer.Option(
        PROJECT, "--name", help="The project, for --layout turing.", metavar="NAME", rich_help_panel=OUTPUT
    ),
    dry_run: bool = typer.Option(
        False, "--dry-run",
        help="List what would go where; the target is not contacted.", rich_help_panel=OUTPUT,
    ),
    force: bool = typer.Option(
        False, "--force", help="Replace files that are there with other content.", rich_help_panel=OUTPUT
    ),
    as_json: bool = typer.Option(False, "--json", help="The result as one JSON object.", rich_help_panel=OUTPUT),
) -> None:
    """Put a run's data set, checkpoint and logs away, or check with --verify what was put away.

    Every file is read back before it takes its name, and each folder gets a MANIFEST.json with sizes and
    SHA-256. An archive that was cut off goes on where it stopped when the command is repeated. Nothing at the
    target is deleted. A checkpoint is archived whole or not at all, and a data set with a run only if its
    checksums say that the run has read it; exit code 1 where other files of the run are gone. SFTP needs
    pip install 'nerctl[ssh]' and uses the keys, the agent and the known hosts of ssh.

    \b
    Examples:
      nerctl archive --to 10.136.165.4:/turingDataset --layout turing
      nerctl archive --verify /mnt/archive
    """
    if (to is None) == (verify is None):
        raise NerctlError("give either --to TARGET to archive, or --verify TARGET to check an archive")
    if verify is not None:
        _verify(verify, as_json)
        return
    from nerctl.transfer.archive_plan import plan_archive
    from nerctl.transfer.targets import local_folder

    output_dir, data_dir = local_folder(str(output_dir)), data_dir and local_folder(str(data_dir))
    assert to is not None  # one of the two was given
    plan = plan_archive(what, layout, output_dir, data_dir, name, run_name)
    for note in plan.notes:
        out.warn(note)
    if dry_run:
        _show_plan(plan, to, as_json)
    else:
        _store(plan, to, force, as_json)
    if plan.run is not None and plan.run.left:
        out.say(f"{output_dir}: {plan.run.left} files are not archived, as the run did not write them")
    if missing := plan.missing:
        first = ", ".join(missing[:3]) + (" ..." if len(missing) > 3 else "")
        raise FailedError(
            f"{output_dir}: {len(missing)} of the run's files {'is' if len(missing) == 1 else 'are'} gone, so the archive "
            f"lacks {first}; put back what you can (nerctl report writes reports) and run the same command again"
        )


def _store(plan: Plan, to: str, force: bool, as_json: bool) -> None:
    from nerctl.transfer.archive import store
    from nerctl.transfer.targets import open_target

    target = open_target(to)
    try:
        with stops(lambda: "Stopped; what is there is kept. The same command goes on from there."), Progress() as progress:
            stored = store(plan, target, force, progress)
    finally:
        target.close()
    if as_json:
        out.json({"places": [asdict(place) for place in stored], "missing": plan.missing})
        return
    for place in stored:
        out.item(
            f"{place.place}: {len(place.sent)} files written, {len(place.there)} were there, "
            f"{place.size / 1e6:,.1f} MB, checksums right"
        )


def _show_plan(plan: Plan, to: str, as_json: bool) -> None:
    from nerctl.transfer.targets import spelled_out

    to = spelled_out(to)
    moves = [
        (entry.source, posixpath.join(to, place.folder, entry.name)) for place in plan.places for entry in place.entries
    ]
    if as_json:
        out.json({"files": [{"from": str(source), "to": to_path} for source, to_path in moves]})
        return
    for source, to_path in moves:
        out.result(f"{source} -> {to_path}")


def _verify(address: str, as_json: bool) -> None:
    from nerctl.transfer.archive import first, verify
    from nerctl.transfer.targets import open_target

    target = open_target(address)
    try:
        with stops(lambda: "Stopped; nothing at the target was changed."), Progress() as progress:
            found = verify(target, progress)
    finally:
        target.close()
    if found.unfinished:
        out.warn(f"{len(found.unfinished)} unfinished files of an interrupted archive: {first(found.unfinished)}")
    if as_json:
        out.json(asdict(found))
    if found.faults:
        raise NerctlError(first(found.faults))
    if not as_json:
        manifests = counted(len(found.manifests), "manifest")
        out.item(f"{address}: {manifests}, {found.files} files, {found.size / 1e6:,.1f} MB, all right")
