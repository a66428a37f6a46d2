"""Installs conda packages from a channel into a prefix, with py-rattler:

    install.py CHANNEL PREFIX SPEC...

A conda environment that envship had no hand in, at its own path.
"""

import asyncio
import os
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
# The bindings' threads now and then crash an interpreter that shuts down.
os._exit(0)
