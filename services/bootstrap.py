"""Wiring: from settings to log, ownership, roles and client. Only here all parts meet.

Every part can be handed in instead, which is how tests put memory or a fault where a service would be.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from events.errors import BrokenEnvironment, TopicMissing
from events.ledger.follow import LedgerReader
from events.log.ownership import Ownership
from events.log.port import Log, TopicSpec
from events.log.postgres import PostgresLog
from events.log.postgres_ownership import PostgresOwnership
from events.model import Actor
from projections.cell.state import Rules
from projections.host_plan import HostSettings
from services.allocator.runner import Allocator, CellTopics
from services.client import Client
from services.embedded.postgres import EmbeddedPostgres
from services.methods.base import Defaults
from services.settings import Settings

if TYPE_CHECKING:
    from events.log.kafka_settings import KafkaSettings

EMBEDDED_DIRECTORY = "postgres"
"""Where in the data directory the embedded PostgreSQL is."""


class Deployment:
    """What one process uses of a deployment, opened when first asked for and closed together.

    Args:
        settings: Everything that an operator decides.
        log: A log to use in place of the one that the settings name.
        ownership: Makes the ownership in place of the log's own.
        serve_database: Whether this process keeps the embedded PostgreSQL running, as roles do. One that only
            looks on uses it while others run it, and else starts it for as long as it looks.

    """

    def __init__(
        self,
        settings: Settings,
        *,
        log: Log | None = None,
        ownership: Callable[[], Ownership] | None = None,
        serve_database: bool = False,
    ) -> None:
        self.settings = settings
        self.topics = CellTopics(settings.cell, settings.partition, settings.topic_prefix)
        self._log = log
        self._new_ownership = ownership
        self._serve_database = serve_database
        self._dsn: str | None = None
        self._server: EmbeddedPostgres | None = None
        self._stack = ExitStack()

    def close(self) -> None:
        """Close everything that was opened. Safe to call twice."""
        self._stack.close()

    def __enter__(self) -> Self:
        """Return itself, to be closed at the end of a `with` block."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close."""
        self.close()

    # --- What everything stands on --------------------------------------------------------------------------

    @property
    def dsn(self) -> str:
        """Connection string of the database; the embedded server is started if nobody runs it.

        Raises:
            BrokenEnvironment: the embedded PostgreSQL was never started here, or cannot be.

        """
        if self._dsn is None:
            self._dsn = self.settings.database.strip() or self._embedded()
        return self._dsn

    def _embedded(self) -> str:
        data = self.settings.data
        server = EmbeddedPostgres(data / EMBEDDED_DIRECTORY)
        if not self._serve_database:
            if server.running:
                return server.dsn
            if not server.exists:
                raise BrokenEnvironment(
                    f"There is no deployment in {data}. Start one with `netledger up --data {data}`, or name "
                    "yours: its directory with --data, or its PostgreSQL with --database."
                )
        dsn = server.start()
        self._server = server
        self._stack.callback(server.stop)
        return dsn

    def keep_database(self) -> None:
        """Start the embedded server again if it has died while we use it.

        Raises:
            BrokenEnvironment: it does not start.

        """
        if self._server is not None:
            self._server.keep()

    @property
    def log(self) -> Log:
        """The log that the settings name."""
        if self._log is None:
            self._log = self._open_log()
            self._stack.callback(self._log.close)
        return self._log

    def _open_log(self) -> Log:
        if self.settings.log == "kafka":
            from events.log.kafka import KafkaLog  # noqa: PLC0415 - librdkafka is loaded where it is used

            return KafkaLog(self._kafka_settings())
        return PostgresLog(self.dsn)

    def _kafka_settings(self) -> "KafkaSettings":
        from events.log.kafka_settings import KafkaSettings  # noqa: PLC0415 - goes with the log

        return KafkaSettings(
            self.settings.kafka_bootstrap_servers,
            librdkafka=self.settings.kafka,
            replication_factor=self.settings.kafka_replication_factor,
        )

    def new_ownership(self) -> Ownership:
        """Return a new ownership of the cell, closed with everything else."""
        ownership = self._new_ownership() if self._new_ownership is not None else self._open_ownership()
        self._stack.callback(ownership.close)
        return ownership

    def _open_ownership(self) -> Ownership:
        if self.settings.log == "kafka":
            from events.log.kafka_ownership import KafkaOwnership  # noqa: PLC0415 - goes with the log

            return KafkaOwnership(self._kafka_settings(), self.settings.cell, self.topics.commands)
        return PostgresOwnership(self.dsn, self.settings.cell)

    # --- Topics ---------------------------------------------------------------------------------------------

    def topic_specs(self) -> tuple[TopicSpec, ...]:
        """Return what the cell's topics must be."""
        partitions = self.settings.partition + 1
        return (
            TopicSpec(self.topics.ledger.topic, partitions, "ledger"),
            TopicSpec(self.topics.commands.topic, partitions, "input"),
            TopicSpec(self.topics.reports.topic, partitions, "input"),
        )

    def create_topics(self) -> None:
        """Create the topics that are missing, and check all.

        Raises:
            WrongTopicSettings: one could lose or reorder records.

        """
        for spec in self.topic_specs():
            self.log.ensure_topic(spec)

    def check_topics(self) -> None:
        """Check the topics, and create none: an empty ledger comes to be only by `ledger init`.

        Raises:
            TopicMissing: one does not exist.
            WrongTopicSettings: one could lose or reorder records.

        """
        for spec in self.topic_specs():
            try:
                self.log.topic(spec.name)
            except TopicMissing as error:
                raise TopicMissing(f"{error} Run `netledger ledger init` once for this cell.") from error
            self.log.ensure_topic(spec)

    # --- Parts ----------------------------------------------------------------------------------------------

    def rules(self) -> Rules:
        """Return the settings that deciding follows."""
        return Rules(
            fixed_ip_disassociate_timeout=self.settings.fixed_ip_disassociate_timeout,
            create_unique_mac_address_attempts=self.settings.create_unique_mac_address_attempts,
            quota_fixed_ips=self.settings.quota_fixed_ips,
            quota_floating_ips=self.settings.quota_floating_ips,
            enable_network_quota=self.settings.enable_network_quota,
            quota_networks=self.settings.quota_networks,
            use_ipv6=self.settings.use_ipv6,
            ipv6_backend=self.settings.ipv6_backend,
            default_floating_pool=self.settings.default_floating_pool,
            auto_assign_floating_ip=self.settings.auto_assign_floating_ip,
            instance_dns_domain=self.settings.instance_dns_domain,
            claim_on_demand=self.settings.claim_on_demand,
            lease_margin=self.settings.lease_margin,
            quota_security_groups=self.settings.quota_security_groups,
            quota_security_group_rules=self.settings.quota_security_group_rules,
        )

    def allocator(self) -> Allocator:
        """Return a new allocator."""
        return Allocator(self.log, self.new_ownership(), self.topics, self.rules())

    def ledger_reader(self) -> LedgerReader:
        """Open the ledger at its start. The caller closes it."""
        return LedgerReader(self.log, self.topics.ledger, self.settings.cell)

    def actor(self) -> Actor:
        """Return the operator, on whose behalf the command line asks."""
        return Actor(
            user=self.settings.actor_user,
            project=self.settings.actor_project,
            is_admin=self.settings.actor_is_admin,
        )

    def client(self, actor: Actor | None = None) -> Client:
        """Return a new client; the operator's unless another actor is named. The caller closes it."""
        return Client(
            self.log,
            self.topics,
            self.dsn,
            actor or self.actor(),
            timeout_s=self.settings.timeout,
            defaults=Defaults(
                default_floating_pool=self.settings.default_floating_pool,
                flat_network_bridge=self.settings.flat_network_bridge,
                flat_network_dns=self.settings.flat_network_dns,
                flat_injected=self.settings.flat_injected,
                network_manager=self.settings.network_manager,
                num_networks=self.settings.num_networks,
                network_size=self.settings.network_size,
                multi_host=self.settings.multi_host,
                share_dhcp_address=self.settings.share_dhcp_address,
                vlan_interface=self.settings.vlan_interface,
                vlan_start=self.settings.vlan_start,
                vpn_ip=self.settings.vpn_ip,
                vpn_start=self.settings.vpn_start,
                cnt_vpn_clients=self.settings.cnt_vpn_clients,
                quota_fixed_ips=self.settings.quota_fixed_ips,
                quota_floating_ips=self.settings.quota_floating_ips,
                enable_network_quota=self.settings.enable_network_quota,
                quota_networks=self.settings.quota_networks,
                dhcp_lease_time=self.settings.dhcp_lease_time,
            ),
        )


def host_settings(settings: Settings, host: str) -> HostSettings:
    """Return what the settings say about one host."""
    return HostSettings(
        host=host,
        physical_networks=settings.physical_networks,
        network_host=settings.network_host,
        lease_s=settings.lease,
        public_interface=settings.public_interface,
        flat_interface=settings.flat_interface,
        routing_source_ip=settings.routing_source_ip,
        dhcp_domain=settings.dhcp_domain,
        dhcp_lease_time=settings.dhcp_lease_time,
        dns_server=settings.dns_server,
        use_network_dns_servers=settings.use_network_dns_servers,
        networks_path=settings.networks_path,
    )
