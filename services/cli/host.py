"""`netledger host`: who takes part, and what a host's kernel should look like."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.common import client, command, console, deployment, invocation, show_json, table, waiting

if TYPE_CHECKING:
    from projections.host_plan import HostPlan


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Hosts: which take part, and the plan for each.", no_args_is_help=True)
    command(group, "list")(list_hosts)
    command(group, "plan")(plan)
    app.add_typer(group, name="host", rich_help_panel="Look")


def list_hosts() -> None:
    """List the hosts: live or fenced, the networks each owns, and the position that its kernel agrees with.

    A fenced host fell silent; its networks go to others after the time in `fenced_until` (`--json`).
    """
    from projections.ipam import queries

    with client() as asking:
        found = asking.tables.ask(queries.hosts)
    if invocation().json:
        show_json(found)
    else:
        shown = (
            "host",
            "state",
            "networks",
            "instances",
            "lease_s",
            "applied_seq",
            "failures",
            "repairs",
            "reported_at",
        )
        table(found, shown)


def plan(host: Annotated[str, typer.Argument(help="Name of the host in the ledger.")]) -> None:
    """Print what the kernel and daemons of a host should look like now. Changes nothing, needs no privileges.

    The settings of this machine count (public_interface, dhcp_domain...), as for the host's own agent.
    """
    made = _plan(host)
    if invocation().json:
        from dataclasses import asdict

        show_json(asdict(made))
    else:
        _show(host, made)


def _plan(host: str) -> "HostPlan":
    from projections import host_plan
    from projections.host_view import HostView
    from services.bootstrap import host_settings

    view = HostView(host)
    with deployment() as made, waiting("reading the ledger..."), made.ledger_reader() as reader:
        for batch in reader.catch_up():
            for decided in batch:
                for event in decided.events:
                    view.apply(decided.seq, event)
        reader.require_genesis()
        return host_plan.plan(view, host_settings(made.settings, host))


def _show(host: str, made: "HostPlan") -> None:
    from projections.host_dhcp import config, host_lines, options

    out = console()

    def say(text: str) -> None:
        out.print(text, markup=False)

    if not (made.bridges or made.problems):
        say(f"Nothing: no network is served by host {host!r}, and no instance runs on it.")
    for bridge in made.bridges:
        interface = f", with {bridge.interface} in it" if bridge.interface else ""
        addresses = ", ".join(bridge.addresses) or "no address"
        say(f"bridge {bridge.name}: {addresses}, mac {bridge.mac}{interface}  (network {bridge.network_id})")
    for service in made.dhcp:
        say(f"dnsmasq on {service.interface}:")
        lines = [
            *config(service, "DIRECTORY").splitlines(),
            *options(service).splitlines(),
            *host_lines(service),
        ]
        for line in lines:
            say(f"    {line}")
    if made.nat is not None:
        say(f"nftables: traffic leaves by {made.nat.public_interface}")
        for network in made.nat.networks:
            say(f"    {network.cidr} goes out as {_outgoing(network.outgoing)}")
        for floating in made.nat.floating:
            say(f"    {floating.address} <-> {floating.fixed} on {floating.interface}")
    for address in made.floating:
        say(f"address {address.address}/32 on {address.interface}")
    for name, value in made.sysctls:
        say(f"sysctl {name} = {value}")
    for problem in made.problems:
        say(f"PROBLEM with network {problem.network_id}: {problem.message}")


def _outgoing(outgoing: Any) -> str:  # noqa: ANN401 - an address, a mark, or None
    return "itself" if outgoing is None else str(outgoing)
