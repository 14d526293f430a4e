#!/bin/sh
# Pins every package with the hashes of all its files, for every Python from 3.11 on and every platform; needs `uv`.
# Run it after a change of an .in file; `requirements/compile.sh --upgrade` looks for newer versions.
set -eu
cd "$(dirname "$0")"
for name in run dev; do
    uv pip compile --quiet --universal --python-version 3.11.0 --generate-hashes \
        --custom-compile-command requirements/compile.sh --output-file "$name.txt" "$name.in" "$@"
done
# The peers that the benchmarks compare us with, each in an environment of its own.
for folder in ../benchmarks/peers/*/; do
    [ -e "$folder/requirements.in" ] || continue
    (
        cd "$folder"
        uv pip compile --quiet --universal --python-version 3.11.0 --generate-hashes \
            --custom-compile-command requirements/compile.sh --output-file requirements.txt requirements.in "$@"
    )
done
