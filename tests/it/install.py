"""Installs conda packages from a channel into a prefix, with py-rattler:

    install.py CHANNEL PREFIX SPEC...

A conda environment that envship had no hand in, at its own path.
"""

import asyncio
import sys

from rattler import Channel, Gateway, MatchSpec, Platform, VirtualPackage, install, solve


async def main(channel, prefix, *specs):
    records = await solve(
        sources=[Channel(channel)],
        specs=[MatchSpec(spec) for spec in specs],
        gateway=Gateway(),
        platforms=[Platform.current(), Platform("noarch")],
        virtual_packages=VirtualPackage.detect(),
    )
    await install(records, target_prefix=prefix, execute_link_scripts=True)


asyncio.run(main(*sys.argv[1:]))
