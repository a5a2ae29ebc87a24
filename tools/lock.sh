#!/bin/sh
# Writes requirements.lock (to run) and requirements-dev.lock (to run, test and lint) from pyproject.toml.
#
# The locks hold for Python 3.11 and later on Linux, name every file by its hash, and hold no address: where packages
# come from is for the configuration of pip (to install) and of uv (to lock) to say. Arguments go to uv: --upgrade
# takes newer versions, --upgrade-package NAME one of them; otherwise what is locked stays as far as it fits.
set -eu

cd "$(dirname "$0")/.."
UV_VERSION=0.13.9
TOOL=.cache/lock-tool # uv is a tool of this script only, so it is no part of what it locks

if [ "$("$TOOL/bin/uv" --version 2>/dev/null | cut -d ' ' -f 2)" != "$UV_VERSION" ]; then
    printf '%s\n' "lock: installing uv $UV_VERSION into $TOOL"
    rm -rf "$TOOL"
    "${PYTHON:-python3}" -m venv "$TOOL"
    "$TOOL/bin/python" -m pip install --disable-pip-version-check --quiet "uv==$UV_VERSION"
fi

compile() {
    out=$1
    shift
    "$TOOL/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --no-annotate "$@" pyproject.toml --output-file "$out"
}

compile requirements.lock --group build "$@"
# The same versions and the tools on top: what is tested is what runs.
compile requirements-dev.lock --group build --group dev --constraint requirements.lock "$@"
printf '%s\n' "lock: wrote requirements.lock and requirements-dev.lock"
