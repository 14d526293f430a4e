"""`integration backfill`: bring over what was created in a stretch of time; the workers do it, this shows how it goes."""

from __future__ import annotations

import click

from commands.backfill_preview import preview
from commands.backfill_watch import follow
from commands.exits import Exit
from commands.ledger import known_flow, opened
from commands.moments import Moment, MomentType
from commands.output import json_option
from integration import clock
from integration.line import backfill as line
from integration.settings import Settings
from integration.suggest import did_you_mean


@click.command()
@click.argument("name", metavar="ENTITY|FLOW")
@click.option("--since", type=MomentType(), required=True, metavar="DATE", help="Created from here on: a day, an instant, or 7d.")
@click.option("--until", type=MomentType(), metavar="DATE", help="Created before this; now, where it is left out.")
@click.option("--flow", metavar="NAME", help="The flow, where several move the entity.")
@click.option("--dry-run", is_flag=True, help="Show what would be created or changed; send nothing.")
@json_option
@click.pass_context
def backfill(ctx: click.Context, name: str, since: Moment, until: Moment | None, flow: str | None, dry_run: bool, as_json: bool) -> None:
    """Bring over what was created in a stretch of time.

    It travels on the low-priority lane. ENTITY|FLOW is what to bring over, as in `orders`. Ctrl-C stops it; the same command
    goes on with it.
    """
    end = until or Moment(clock.now(), "now")
    if since.at >= end.at:
        raise click.BadParameter(f"must lie before --until, which is {clock.text(end.at)}.", param_hint="--since")
    with opened(ctx.obj, credentials=dry_run) as house:
        flow_name = _flow_of(house.settings, name, flow)
        if dry_run:
            aside = preview(house, flow_name, since.at, end.at, as_json=as_json)
        else:
            begun = line.begin(house.engine, flow_name, since.at, end.at, f"since {since.words} until {end.words}")
            aside = follow(house, flow_name, begun, as_json=as_json).done["dead"]
    if aside:
        ctx.exit(Exit.PERSON)


def _flow_of(settings: Settings, name: str, wanted: str | None) -> str:
    """The flow that a person means by its name, or by its entity (in the plural too)."""
    if wanted is not None:
        known_flow(settings, wanted, "--flow")
    fitting = [one.name for one in settings.flows.values() if name in (one.name, one.entity, f"{one.entity}s")]
    if not fitting:
        known = {*settings.flows, *(f"{one.entity}s" for one in settings.flows.values())}
        raise click.BadParameter(f"there is no entity or flow `{name}`; {did_you_mean(name, known)}", param_hint="ENTITY|FLOW")
    if wanted is not None and wanted not in fitting:
        raise click.BadParameter(f"the flow `{wanted}` does not move {name}; {did_you_mean(wanted, fitting)}", param_hint="--flow")
    if wanted is None and name not in fitting and len(fitting) > 1:
        raise click.UsageError(f"several flows move {name}; say which with --flow: {', '.join(sorted(fitting))}")
    return wanted or (name if name in fitting else fitting[0])
