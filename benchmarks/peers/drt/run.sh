#!/bin/sh
# One pass of the project in $2 with Python $1; drt looks for profiles in $HOME/.drt and for the project where it is started.
set -eu
cd "$2"
exec "$1" -m benchmarks.peers.drt.connectors run
