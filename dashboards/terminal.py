"""The border of the program at the terminal: faults, refused calls and help in the reader's language."""

from __future__ import annotations

import errno
import os
import sys
import traceback

import typer

from sensors.errors import LocalResourceError, VigiposteError

__all__ = ["as_ours", "explain_fault", "run_translated"]

_LOCAL_TROUBLE = {
    errno.ENOSPC: ("the disk is full", "free space; readings that were acknowledged wait in the journal"),
    errno.EDQUOT: ("the disk quota is used up", "free space or ask for more"),
    errno.EROFS: ("the file system is read-only", "choose a folder that can be written"),
    errno.EACCES: ("permission denied", "choose a folder that can be written, or change its owner"),
    errno.ENOENT: ("there is no such file or folder", "check the path"),
    errno.EADDRINUSE: ("the port is in use", "stop the other program or choose another port"),
}


def as_ours(error: Exception) -> VigiposteError:
    """Anything that went wrong, as an error that says what to do."""
    if isinstance(error, VigiposteError):
        return error
    if isinstance(error, OSError) and error.errno in _LOCAL_TROUBLE:
        what, remedy = _LOCAL_TROUBLE[error.errno]
        return LocalResourceError(f"{error.filename or 'this machine'}: {what}", remedy=remedy)
    if os.environ.get("VIGIPOSTE_DEBUG"):
        traceback.print_exception(error)
    return VigiposteError(
        f"internal fault: {type(error).__name__}: {error}",
        remedy="run again with VIGIPOSTE_DEBUG=1 and report what it prints",
    )


def explain_fault(error: BaseException, language: str) -> int:
    """Say on stderr what went wrong and what to do; return the exit code."""
    from dashboards.sentences import explained, sentences

    colon = "\u00a0:" if language == "fr" else ":"
    if isinstance(error, KeyboardInterrupt):
        sys.stderr.write(f"vigiposte{colon} {sentences(language)('interrupted')}\n")
        return 130
    if isinstance(error, BrokenPipeError):
        sys.stderr.close()
        return 0
    assert isinstance(error, Exception)
    ours = as_ours(error)
    sys.stderr.write(f"vigiposte{colon} {explained(ours, language)}\n")
    return ours.exit_code


def run_translated(app: typer.Typer, language: str) -> int:
    """Run the command line with help and refused calls in `language`; return the exit code."""
    from dashboards.help_texts import refused_call, translate_help

    command = typer.main.get_command(app)
    translate_help(command, language)
    try:
        code = command(standalone_mode=False)
    except typer.Abort:
        sys.stderr.write("\n")
        return 1
    except Exception as error:
        # The library's exceptions know how to format themselves; ours and all others go on.
        if not hasattr(error, "format_message"):
            raise
        sys.stderr.write(refused_call(error, language) + "\n")
        return int(getattr(error, "exit_code", 2))
    return code if isinstance(code, int) else 0
