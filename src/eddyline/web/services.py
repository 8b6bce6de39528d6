"""What the routes work with: one object for each application, passed to routes as a dependency."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request

from eddyline.app.accounts.prices import PriceOptions
from eddyline.app.accounts.recent_costs import RecentCosts
from eddyline.app.fleet.dashboard import FleetDashboard
from eddyline.app.fleet.simulation import FILE_NAME, SimulationFile
from eddyline.app.fleet.simulation_report import SimulationComparer
from eddyline.app.shared_services import SharedServices
from eddyline.app.worker_supervisor import WorkerSupervisor
from eddyline.core.clock import Clock
from eddyline.fleet.pools import Pools
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.progress.recent import RecentProgress
from eddyline.library.telemetry.asset_telemetry import CACHE, AssetTelemetry
from eddyline.observe.web_metrics import WebMetrics
from eddyline.store.store import Store
from eddyline.web.shutdown import Shutdown

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from structlog.typing import FilteringBoundLogger


@dataclass(frozen=True, kw_only=True)
class WebSettings:
    """How this server is reached and what it accepts.

    `local`: it listens on loopback and no token exists, so every request acts as the administrator of owner
    "". `origin` is the address by which browsers reach it, such as "https://media.example.com" ("": the
    address of each request); cookies and share links depend on it. `hosts` are the accepted Host headers
    ("*": any). `data` is a local directory for uploads and caches. `tiles` is the URL template of the tiles
    of maps ("": none), such as "https://tile.example.com/{z}/{x}/{y}.png".
    """

    local: bool
    data: Path
    origin: str = ""
    hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    tiles: str = ""


@dataclass(frozen=True, kw_only=True)
class Services:
    """The ledger, the media store and the settings of a server. All are safe from any thread.

    `log` None: nothing is logged. `traces` None: no traces are recorded. `worker` None: this server has no
    worker process, others run the jobs.

    Streams end as soon as `shutdown` is requested: they await `services.shutdown.wait(seconds)`.
    """

    ledger: Ledger
    store: Store
    shared: SharedServices
    settings: WebSettings
    clock: Clock
    shutdown: Shutdown = field(default_factory=Shutdown)
    metrics: WebMetrics = field(default_factory=WebMetrics)
    log: FilteringBoundLogger | None = None
    traces: TracerProvider | None = None
    worker: WorkerSupervisor | None = None

    @cached_property
    def pools(self) -> Pools:
        """The worker pools, which are read once: a server is restarted to change them."""
        return self.shared.pools()

    @cached_property
    def fleet(self) -> FleetDashboard:
        """The Spot dashboard, which keeps what it read in memory."""
        types = {
            name: vcpu for pool in self.pools.pools.values() for name, vcpu in pool.capacity.types.items()
        }
        return FleetDashboard(self.ledger, vcpu_of_types=types)

    @cached_property
    def costs(self) -> RecentCosts:
        """What work cost, by the prices of the ledger."""
        prices = PriceOptions().with_settings(self.shared.settings)
        return RecentCosts(self.ledger, self.pools, prices)

    @cached_property
    def simulation(self) -> SimulationComparer:
        """Simulated figures beside measured ones: of the file of the settings, or of the data directory."""
        named = self.shared.settings.simulation
        path = named or self.settings.data / FILE_NAME
        return SimulationComparer(self.ledger, SimulationFile(path, required=named is not None))

    @cached_property
    def progress(self) -> RecentProgress:
        """The progress of the assets of listings."""
        return RecentProgress(self.ledger, self.pools)

    @cached_property
    def telemetry(self) -> AssetTelemetry:
        """The telemetry of published assets, with its cache on disk."""
        return AssetTelemetry(self.store, self.settings.data / CACHE)


def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


WithServices = Annotated[Services, Depends(_services)]
"""A parameter of a route that receives the services."""
