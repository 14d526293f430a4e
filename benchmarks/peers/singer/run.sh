#!/bin/sh
# One pass: tap into target; the last state that the target confirms is where the next pass starts. $1: Python, $2: folder of the state.
set -eu
state=
[ -s "$2/state.json" ] && state="--state $2/state.json"
# shellcheck disable=SC2086 # two words or none
{ "$1" -m benchmarks.peers.singer.tap $state || echo tap >"$2/failed"; } | "$1" -m benchmarks.peers.singer.target >"$2/states.jsonl"
[ ! -e "$2/failed" ] || { rm "$2/failed"; exit 1; }
[ ! -s "$2/states.jsonl" ] || tail -1 "$2/states.jsonl" >"$2/state.json"
