"""`eddyline fleet plan`: what the pools mean on AWS in types, Spot pools, quotas and dollars."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from eddyline.cli import options
from eddyline.cli.terminal import console
from eddyline.core.errors import UsageError


class SpotMarket(StrEnum):
    """Presets of generated markets (`sim/market/generated_spec.py`)."""

    CALM = "calm"
    CHOPPY = "choppy"
    SCARCE = "scarce"
    DARK = "dark"
    HOSTILE = "hostile"


def plan(
    instance_types: Annotated[
        Path | None,
        typer.Option(
            "--instance-types",
            metavar="FILE",
            help="Instance types: the output of `aws ec2 describe-instance-types`.",
            show_default=False,
        ),
    ] = None,
    prices: options.OnDemandPrices = None,
    advisor: Annotated[
        Path | None,
        typer.Option(
            "--advisor",
            metavar="FILE",
            help="The data of AWS' Spot Instance advisor: savings and interruption bands.",
            show_default=False,
        ),
    ] = None,
    throughput: Annotated[
        Path | None,
        typer.Option(
            "--throughput",
            metavar="FILE",
            help="Measured FFmpeg frames per second by type.",
            show_default=False,
        ),
    ] = None,
    region: Annotated[
        str,
        typer.Option(
            "--region", metavar="REGION", envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="The AWS region."
        ),
    ] = "us-east-1",
    zones: Annotated[
        str,
        typer.Option(
            "--zones",
            metavar="A,B",
            help="Names of the Availability Zones of the subnets. Default: three are assumed.",
            show_default=False,
        ),
    ] = "",
    pool: Annotated[
        str,
        typer.Option(
            "--pool", metavar="NAME", help="Only this pool, with each of its types.", show_default=False
        ),
    ] = "",
    frame_rate: Annotated[
        float,
        typer.Option("--frame-rate", metavar="FPS", min=1, max=1000, help="Frames per second of the output."),
    ] = 30.0,
    work: Annotated[
        float,
        typer.Option(
            "--work",
            metavar="FACTOR",
            min=0.001,
            max=10_000,
            help="Work of your profile for one frame, relative to the measured job.",
        ),
    ] = 1.0,
    endpoints: Annotated[
        int, typer.Option("--endpoints", min=0, max=200, help="The number of interface endpoints.")
    ] = 11,
    endpoint_zones: Annotated[
        int, typer.Option("--endpoint-zones", min=1, max=20, help="The number of zones of each endpoint.")
    ] = 2,
    nat_gateways: Annotated[
        int, typer.Option("--nat-gateways", min=0, max=50, help="The number of NAT gateways.")
    ] = 0,
    endpoint_price: Annotated[
        float,
        typer.Option(
            "--endpoint-price", metavar="$/H", min=0, max=100, help="Of an interface endpoint in one zone."
        ),
    ] = 0.01,
    nat_price: Annotated[
        float, typer.Option("--nat-price", metavar="$/H", min=0, max=100, help="Of a NAT gateway.")
    ] = 0.045,
    database_price: Annotated[
        float,
        typer.Option("--database-price", metavar="$/H", min=0, max=1000, help="Of one database instance."),
    ] = 0.065,
    multi_az: Annotated[
        bool, typer.Option("--multi-az", help="The database has a standby in another zone.")
    ] = False,
    live: Annotated[
        bool,
        typer.Option("--live", help="Read types, zones, Spot prices and quotas from AWS; it only reads."),
    ] = False,
    placement_scores: Annotated[
        bool,
        typer.Option(
            "--placement-scores", help="With --live: ask AWS for the Spot placement score of each pool."
        ),
    ] = False,
    budget: Annotated[
        float | None,
        typer.Option(
            "--budget",
            metavar="USD",
            min=0.01,
            max=1e9,
            help="Recommend the fastest pool that costs at most this in a month, by simulation.",
            show_default=False,
        ),
    ] = None,
    deadline: Annotated[
        float | None,
        typer.Option(
            "--deadline",
            metavar="MINUTES",
            min=1,
            max=10_080,
            help="Recommend the cheapest pool with 99 % of the assets ready in this time, by simulation.",
            show_default=False,
        ),
    ] = None,
    load: Annotated[
        Path | None,
        typer.Option(
            "--load",
            metavar="FILE",
            help="The load to recommend for: a scenario, or recorded arrivals (.jsonl, .csv).",
            show_default=False,
        ),
    ] = None,
    clips_per_day: Annotated[
        float | None,
        typer.Option(
            "--clips-per-day",
            metavar="N",
            min=1,
            max=1e9,
            help="The load to recommend for. Default: 10000.",
            show_default=False,
        ),
    ] = None,
    market: Annotated[
        SpotMarket, typer.Option("--market", help="How hostile the simulated Spot market is.")
    ] = SpotMarket.SCARCE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what the pools mean on AWS: types, Spot pools, slots, vCPU quotas and costs.

    Figures come from files, or with --live from AWS; without them, what can be shown is shown. With --budget
    or --deadline, a pool is recommended by simulation. See docs/how-to/fleet-plan.md.
    """
    from eddyline.app.fleet.plan import CatalogueFiles, make_fleet_plan
    from eddyline.cli.fleet.plan_json import plan_json
    from eddyline.cli.fleet.plan_view import print_plan
    from eddyline.fleet.plan.fixed_costs import FixedCostOptions
    from eddyline.fleet.plan.type_plan import Work

    files = CatalogueFiles(
        instance_types=instance_types, prices=prices, advisor=advisor, throughput=throughput
    )
    if budget is not None or deadline is not None:
        from eddyline.app.fleet.recommend import RecommendOptions
        from eddyline.cli.fleet.recommend_view import recommend

        if live or placement_scores:
            raise UsageError("a recommendation does not read from AWS", remedy="pass files, without --live")
        chosen = RecommendOptions(
            budget_usd=budget,
            deadline_s=None if deadline is None else deadline * 60,
            load=load,
            clips_per_day=clips_per_day,
            market=market.value,
            pool=pool,
            region=region,
            frame_rate=frame_rate,
            work=work,
        )
        recommend(chosen, files, as_json=as_json)
        return
    if load is not None or clips_per_day is not None:
        raise UsageError(
            "--load and --clips-per-day are for a recommendation", remedy="pass --budget or --deadline too"
        )
    named = tuple(dict.fromkeys(zone.strip() for zone in zones.split(",") if zone.strip()))
    found = make_fleet_plan(
        files=files,
        region=region,
        zones=named,
        live=live,
        placement_scores=placement_scores,
        pool=pool,
        work=Work(frame_rate=frame_rate, factor=work),
        fixed=FixedCostOptions(
            endpoints=endpoints,
            endpoint_zones=endpoint_zones,
            endpoint_hour=endpoint_price,
            nat_gateways=nat_gateways,
            nat_hour=nat_price,
            multi_az=multi_az,
            database_hour=database_price,
        ),
    )
    if as_json:
        typer.echo(plan_json(found))
    else:
        print_plan(console(), found, with_types=bool(pool))
