"""`eddyline catalogue`: rebuilds the catalogue of assets from their manifests, and deletes assets."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from eddyline.cli import options
from eddyline.cli.signals import Interruption
from eddyline.core.formatting import printable
from eddyline.core.stop import Stop

commands = typer.Typer(help="Maintain the catalogue of assets.", no_args_is_help=True)


@commands.callback()
def _group() -> None:
    """Maintain the catalogue of assets."""


@commands.command("rebuild")
def rebuild(
    out: options.LibraryOut = None,
    store: options.Store = "",
    ledger: options.Ledger = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make the catalogue equal to the manifests in the media store. Can be repeated at any time."""
    from eddyline.app.catalogue import rebuild as rebuild_catalogue
    from eddyline.app.shared_services import SharedServices

    shared = SharedServices.from_options(store=store, ledger=ledger, out=out)
    stop = Stop()
    with Interruption(stop):
        found = rebuild_catalogue(
            out,
            shared,
            stop=stop,
            on_skipped=lambda key, reason: typer.echo(
                f"skipped {printable(key)}: {printable(reason)}", err=True
            ),
        )
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    else:
        typer.echo(
            f"{found.assets} assets: {found.changed} rows added or changed, {found.removed} removed, "
            f"{found.skipped} manifests skipped"
        )


@commands.command("delete")
def delete(
    asset: Annotated[str, typer.Argument(help="The id of the asset.")],
    out: options.LibraryOut = None,
    store: options.Store = "",
    ledger: options.Ledger = "",
) -> None:
    """Delete an asset with its files and its uploaded source, also while its jobs run.

    Interrupted, it is continued by a server or by the same command.
    """
    from eddyline.app.delete_asset import delete_asset
    from eddyline.app.shared_services import SharedServices

    shared = SharedServices.from_options(store=store, ledger=ledger, out=out)
    stop = Stop()
    with Interruption(stop):
        deleted = delete_asset(
            asset,
            out,
            shared,
            stop=stop,
            on_wait=lambda worker: typer.echo(f"waiting for worker {printable(worker)}", err=True),
        )
    typer.echo(f"deleted {asset}" if deleted else f"{asset} is being deleted; run the command again")
