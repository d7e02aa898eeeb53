"""The migration note's patch of the original's `bert_lstm_ner.py`, made on the source's structure.

Found by name, not by line: the one `TrainSpec(...)` call, the statement that makes its early-stop hook, and
`model_fn`; for the NPU also the `import tensorflow as tf` and the one `RunConfig(...)` call. What is not
found exactly once is a reason to leave the file untouched.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from nerctl.errors import DataError
from nerctl.upstream import inserted_code
from nerctl.upstream.source_text import Edit, SourceText

_EARLY_STOP_FACTORIES = frozenset(
    {
        "stop_if_no_decrease_hook",
        "stop_if_no_increase_hook",
        "stop_if_higher_hook",
        "stop_if_lower_hook",
        "make_early_stopping_hook",
    }
)
"""The functions of tf.contrib.estimator (later tf.estimator.experimental) that make an early-stop hook."""

_EARLY_STOP_COMMENT = re.compile(r"#\s*early[\s_-]*stop", re.IGNORECASE)
_COMMENT = re.compile(r"#[^\r\n]*")

Node = TypeVar("Node", bound=ast.AST)


@dataclass(frozen=True)
class Patch:
    """A source's bytes after the patch."""

    content: bytes
    """The patched file."""
    was_patched: bool
    """Whether the step timer was in the source before; `content` is then the source as it was."""


def patch_source(raw: bytes, name: str, *, steps: int, npu: bool) -> Patch:
    """Patches a source for `steps` timed steps, for the NPU when `npu`.

    Raises DataError, which names `name` and the reason, when the source is not one that the patch knows.
    """
    source = SourceText(raw, name)
    if _has_step_timer(source.tree):
        return Patch(raw, was_patched=True)
    try:
        edits = _timer_edits(source, steps, npu) + _exit_edits(source)
        if npu:
            edits += _npu_edits(source)
    except DataError as error:
        raise DataError(f"{name}: left untouched: {error}.") from None
    content = source.edited(edits)
    if not _has_step_timer(
        SourceText(content, name).tree
    ):  # parses it again: a patch must leave a valid source
        raise DataError(f"{name}: left untouched: the patched source came out without the step timer.")
    return Patch(content, was_patched=False)


def _has_step_timer(tree: ast.AST) -> bool:
    """Whether the step timer is there, from us or by hand: its class, or the line that it prints."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == inserted_code.TIMER_CLASS:
            return True
        if isinstance(node, ast.Constant) and str(node.value).strip() == inserted_code.STEP_LINE_FORMAT:
            return True
    return False


def _timer_edits(source: SourceText, steps: int, npu: bool) -> list[Edit]:
    """The step timer in place of the early-stop hook, else before the TrainSpec; the TrainSpec's hooks."""
    call = _only_call(source.tree, "TrainSpec")
    block, statement = _statement_of(source.tree, call)
    hook = _early_stop_statement(source.tree, block[: block.index(statement)], call)
    edits = [_hooks_edit(source, call, inserted_code.hooks_expression(npu))]
    anchor = hook if hook is not None else statement
    indent = source.indent(anchor)
    code = source.indented(inserted_code.step_timer(steps), indent)
    if hook is None:
        start = source.line_start(statement.lineno)
        return [*edits, Edit(start, start, code)]
    if not source.owns_its_lines(hook):
        raise DataError(f"the early-stop hook on line {hook.lineno} shares its line with other code")
    start, end = source.line_start(hook.lineno), source.line_start((hook.end_lineno or hook.lineno) + 1)
    edits.append(
        Edit(start, end, code if source.text[start:end].endswith(("\r", "\n")) else code.rstrip("\n"))
    )
    for line, comment in source.comments():
        above = block[0].lineno <= line < hook.lineno or (hook.end_lineno or 0) < line < statement.lineno
        if above and _EARLY_STOP_COMMENT.match(comment):
            edits.append(Edit(source.line_start(line), source.line_start(line + 1), ""))
    return edits


def _early_stop_statement(tree: ast.AST, before: list[ast.stmt], call: ast.Call) -> ast.Assign | None:
    """The `x = ...stop_if_..._hook(...)` among `before` whose x this TrainSpec alone uses."""
    hooks = _hooks_argument(call)
    expected = {id(node) for node in ast.walk(hooks)} if hooks is not None else set()
    for statement in before:
        if not (isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call)):
            continue
        target = statement.targets[0]
        if _called(statement.value) not in _EARLY_STOP_FACTORIES or not isinstance(target, ast.Name):
            continue
        uses = [node for node in _nodes(tree, ast.Name) if node.id == target.id and node is not target]
        if all(id(node) in expected for node in uses):
            return statement
    return None


def _hooks_argument(call: ast.Call) -> ast.expr | None:
    """The value of TrainSpec's `hooks`: its keyword, or its third positional argument."""
    for keyword in call.keywords:
        if keyword.arg == "hooks":
            return keyword.value
    return call.args[2] if len(call.args) > 2 else None


def _hooks_edit(source: SourceText, call: ast.Call, hooks: str) -> Edit:
    """The edit that gives the TrainSpec these hooks, all else in it as it is written."""
    if any(keyword.arg is None for keyword in call.keywords) or any(
        isinstance(a, ast.Starred) for a in call.args
    ):
        raise DataError(f"the TrainSpec on line {call.lineno} takes its arguments from a * or ** expression")
    old = _hooks_argument(call)
    if old is not None:
        return Edit(source.start(old), source.end(old), hooks)
    return _new_keyword(source, call, f"hooks={hooks}")


def _new_keyword(source: SourceText, call: ast.Call, keyword: str) -> Edit:
    """The edit that adds a last keyword to a call."""
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    end = source.end(call) - 1
    behind = source.text[max((source.end(value) for value in values), default=end) : end]
    separated = not values or _COMMENT.sub("", behind).rstrip().endswith(",")
    return Edit(end, end, keyword if separated else f", {keyword}")


def _exit_edits(source: SourceText) -> list[Edit]:
    """The exit at the start of `model_fn` for every mode but training; nothing when it is there."""
    functions = [node for node in _nodes(source.tree, ast.FunctionDef) if node.name == "model_fn"]
    if len(functions) != 1:
        raise DataError(f"it has {len(functions)} functions named model_fn where the patch expects one")
    function = functions[0]
    if "mode" not in [argument.arg for argument in function.args.args]:
        raise DataError(f"model_fn on line {function.lineno} has no argument named mode")
    body = function.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and len(body) > 1:
        body = body[1:]
    if _leaves_outside_training(body[0]):
        return []
    decorators = getattr(body[0], "decorator_list", [])  # they stand above the line that the tree gives
    start = source.line_start(min([body[0].lineno, *(decorator.lineno for decorator in decorators)]))
    return [Edit(start, start, source.indented(inserted_code.EXIT_OUTSIDE_TRAINING, source.indent(body[0])))]


def _leaves_outside_training(statement: ast.stmt) -> bool:
    """Whether this is `if mode != ...TRAIN: exit(...)`."""
    if not (isinstance(statement, ast.If) and isinstance(statement.test, ast.Compare)):
        return False
    names = {node.id for node in _nodes(statement.test, ast.Name)} | {
        node.attr for node in _nodes(statement.test, ast.Attribute)
    }
    exits = [node for node in _nodes(statement, ast.Call) if _called(node) in ("exit", "_exit")]
    return isinstance(statement.test.ops[0], ast.NotEq) and {"mode", "TRAIN"} <= names and bool(exits)


def _npu_edits(source: SourceText) -> list[Edit]:
    """The adapter's imports, its session config before the RunConfig, the RunConfig handed to the adapter."""
    imports = [
        statement
        for statement in source.tree.body
        if isinstance(statement, ast.Import) and any(alias.asname == "tf" for alias in statement.names)
    ]
    if any((node.module or "").split(".")[0] == "npu_bridge" for node in _nodes(source.tree, ast.ImportFrom)):
        raise DataError("it imports npu_bridge already; --device cuda adds the step timer alone")
    if not imports or not source.owns_its_lines(imports[0]):
        raise DataError("it has no line `import tensorflow as tf` to put the adapter's import behind")
    after = source.line_start((imports[0].end_lineno or imports[0].lineno) + 1)
    call = _only_call(source.tree, "RunConfig")
    _, statement = _statement_of(source.tree, call)
    before = source.line_start(statement.lineno)
    indent = source.indent(statement)
    name, made, edits = _session_variable(source, call)
    config = source.indented(made + inserted_code.npu_session_config(name), indent)
    return [
        *edits,
        Edit(after, after, inserted_code.NPU_IMPORTS),
        Edit(before, before, config),
        Edit(source.start(call), source.start(call), "npu_run_config_init(run_config="),
        Edit(source.end(call), source.end(call), ")"),
    ]


def _session_variable(source: SourceText, call: ast.Call) -> tuple[str, str, list[Edit]]:
    """The variable of the session's ConfigProto, a statement that makes it, and the call's edits."""
    for keyword in call.keywords:
        if keyword.arg != "session_config":
            continue
        if isinstance(keyword.value, ast.Name):
            return keyword.value.id, "", []
        start, end = source.start(keyword.value), source.end(keyword.value)
        if "#" in source.code(keyword.value):
            raise DataError(
                f"the session_config on line {call.lineno} has a comment in it; give it a variable first"
            )
        made = f"session_config = {' '.join(source.code(keyword.value).split())}\n"
        return "session_config", made, [Edit(start, end, "session_config")]
    made = "session_config = tf.ConfigProto(allow_soft_placement=True)\n"
    return "session_config", made, [_new_keyword(source, call, "session_config=session_config")]


def _only_call(tree: ast.AST, name: str) -> ast.Call:
    calls = [node for node in _nodes(tree, ast.Call) if _called(node) == name]
    if len(calls) != 1:
        raise DataError(f"it calls {name} {len(calls)} times where the patch expects one call")
    return calls[0]


def _called(call: ast.Call) -> str:
    """The last part of the name that is called: `TrainSpec` for `tf.estimator.TrainSpec(...)`."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _statement_of(tree: ast.AST, node: ast.AST) -> tuple[list[ast.stmt], ast.stmt]:
    """The innermost statement that holds `node`, and the list of statements that it stands in."""
    found: tuple[list[ast.stmt], ast.stmt] | None = None
    for block in _blocks(tree):
        for statement in block:
            if any(inner is node for inner in ast.walk(statement)):
                found = (block, statement)  # ast.walk goes outside in: the last one found is the innermost
    assert found is not None  # the node was found in this tree
    return found


def _blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block


def _nodes(tree: ast.AST, kind: type[Node]) -> Iterator[Node]:
    return (node for node in ast.walk(tree) if isinstance(node, kind))
