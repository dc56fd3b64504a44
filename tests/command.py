"""The `sluice` command line within this process, as the tests of several rooms call it."""

from click.testing import CliRunner, Result

from flows.cli import main


def sluice(*arguments: object, stdin: str | None = None) -> Result:
    """What `sluice ARGUMENTS` gives: exit_code, stdout, stderr."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)


def refusal(result: Result) -> str:
    """The one paragraph of a command that did not go well."""
    assert result.exit_code == 1, result.output
    told = result.stderr.strip()
    assert told.startswith("Not done:"), told
    assert len(told.splitlines()) == 1, told
    assert "Traceback" not in result.output
    assert "an error of ours" not in told
    return told
