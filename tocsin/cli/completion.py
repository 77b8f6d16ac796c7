"""The script that makes a shell complete `tocsin`'s subcommands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from tocsin.cli.main import tocsin


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print the script that completes commands in a shell.

    \b
    bash   eval "$(tocsin completion bash)"        in ~/.bashrc
    zsh    eval "$(tocsin completion zsh)"         in ~/.zshrc
    fish   tocsin completion fish | source         in ~/.config/fish/config.fish
    """
    completer = get_completion_class(shell)
    assert completer is not None
    click.echo(completer(tocsin, {}, "tocsin", "_TOCSIN_COMPLETE").source())
