"""`eddyline token`: creates, lists and revokes the API tokens of a server."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from eddyline.cli import options
from eddyline.cli.submit import parse_deadline
from eddyline.cli.terminal import console
from eddyline.core.errors import UsageError
from eddyline.core.formatting import printable

if TYPE_CHECKING:
    from eddyline.library.tokens import Token

commands = typer.Typer(
    help="Create, list or revoke the API tokens of a server (--out or --ledger).", no_args_is_help=True
)

Out = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="DIR", help="The directory of the server. Default: out.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@commands.command("create")
def create_token(
    owner: Annotated[
        str, typer.Option("--owner", metavar="NAME", help="Whose assets the token gives access to.")
    ] = "",
    scope: Annotated[
        str, typer.Option("--scope", metavar="read|write|admin", help="What the token may do.")
    ] = "write",
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What the token is for.")] = "",
    expires: Annotated[
        str,
        typer.Option(
            "--expires",
            metavar="TIME",
            help="When it expires: 12h, 90d, or an ISO 8601 time. Default: never.",
        ),
    ] = "",
    out: Out = None,
    ledger: options.Ledger = "",
    as_json: AsJson = False,
) -> None:
    """Create a token and print its secret, which cannot be shown again."""
    from eddyline.app.tokens import open_token_ledger
    from eddyline.library.tokens import Tokens

    when = parse_deadline(expires, time.time())
    with open_token_ledger(out, ledger) as opened:
        created = Tokens(opened).create(owner=owner, scope=scope, name=name, expires=when)
    if as_json:
        typer.echo(json.dumps({**asdict(created.token), "secret": created.secret}, indent=2))
        return
    typer.echo(created.secret)
    typer.echo(
        f"token {created.token.id}, scope {scope}: store the secret now, it is not shown again", err=True
    )


@commands.command("list")
def list_tokens(
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="NAME", help="List only tokens of this owner.")
    ] = None,
    out: Out = None,
    ledger: options.Ledger = "",
    as_json: AsJson = False,
) -> None:
    """List tokens, the newest first, without their secrets."""
    from eddyline.app.tokens import open_token_ledger
    from eddyline.library.tokens import Tokens

    with open_token_ledger(out, ledger) as opened:
        found, now = Tokens(opened).list(owner), opened.now()
    if as_json:
        typer.echo(json.dumps([asdict(token) for token in found], indent=2))
        return
    if not found:
        typer.echo("No tokens.")
        return
    table = Table("id", "name", "owner", "scope", "state", "created", "last used", box=None)
    for token in found:
        cells = (token.id, printable(token.name), printable(token.owner), token.scope, _state(token, now))
        table.add_row(*cells, _date(token.created), _date(token.last_used))
    console().print(table)


@commands.command("revoke")
def revoke_tokens(
    ids: Annotated[list[str], typer.Argument(metavar="ID", show_default=False)],
    out: Out = None,
    ledger: options.Ledger = "",
    as_json: AsJson = False,
) -> None:
    """Revoke tokens. They and their browser sessions stop working at once."""
    from eddyline.app.tokens import open_token_ledger
    from eddyline.library.tokens import Tokens

    with open_token_ledger(out, ledger) as opened:
        tokens = Tokens(opened)
        unknown = [each for each in ids if tokens.get(each) is None]
        if unknown:
            raise UsageError(
                f"unknown token {unknown[0]!r}", remedy="list the ids with `eddyline token list`"
            )
        revoked = [each for each in ids if tokens.revoke(each)]
    typer.echo(
        json.dumps({"revoked": revoked}) if as_json else f"revoked {len(revoked)}: {', '.join(revoked)}"
    )


def _state(token: Token, now: float) -> str:
    if token.is_valid(now):
        return "valid" if token.expires is None else f"until {_date(token.expires)}"
    return "expired" if token.revoked is None else "revoked"


def _date(at: float | None) -> str:
    return "" if at is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
