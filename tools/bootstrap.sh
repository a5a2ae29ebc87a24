#!/bin/sh
# Makes this checkout ready to run.
#
#   tools/bootstrap.sh demo    programs for the host agent, .venv with what Netledger needs to run
#   tools/bootstrap.sh test    the same, a Java runtime and Maven for the real broker, .venv with the test tools
#   tools/bootstrap.sh dev     .venv with the test tools, no system packages
#
# It says what it installs before it does. As root on Debian or Ubuntu it installs missing programs; otherwise it
# names them and goes on, because the demo and the tests can do with less and say what they left out. Without a
# Python environment nothing can go on: then it ends with status 1 and says what to do. Run again, it takes well
# under a second. pip's own configuration (pip.conf, PIP_*) decides where packages come from.
#
# PYTHON=/path/to/python chooses the interpreter. Java and Maven are for starting a broker, so they are left alone
# where KAFKA_BOOTSTRAP_SERVERS names one or a container engine answers.
set -eu

cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin" # where Debian keeps dnsmasq and nft, and a plain user's PATH may not look
VENV=.venv
PYTHON_LEAST="3.11"
JAVA_LEAST=17 # Kafka 4 brokers need it

say() { printf '%s\n' "bootstrap: $*"; }
complain() { printf '%s\n' "bootstrap: $*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# --- system packages --------------------------------------------------------------------------------------

java_is_new_enough() {
    have java || return 1
    # 'openjdk version "17.0.15" 2025-04-15' -> 17; the 1.8 of old prints 1, which is too old as well
    major=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
    [ "${major:-0}" -ge "$JAVA_LEAST" ]
}

broker_is_elsewhere() {
    [ -n "${KAFKA_BOOTSTRAP_SERVERS:-}" ] || { have docker && timeout 3 docker info >/dev/null 2>&1; }
}

# Prints one "package program" line for each program that is missing.
missing_programs() {
    have dnsmasq || echo "dnsmasq-base dnsmasq"
    have nft || echo "nftables nft"
    have ip || echo "iproute2 ip"
    have udhcpc || echo "udhcpc udhcpc"
    have conntrack || echo "conntrack conntrack"
    have ping || echo "iputils-ping ping"
    [ "$1" = test ] || return 0
    { java_is_new_enough && have mvn; } || broker_is_elsewhere && return 0
    java_is_new_enough || echo "default-jre-headless java>=$JAVA_LEAST"
    have mvn || echo "maven mvn"
}

install_programs() {
    missing=$(missing_programs "$1")
    [ -n "$missing" ] || return 0
    programs=$(printf '%s\n' "$missing" | cut -d ' ' -f 2 | tr '\n' ' ')
    packages=$(printf '%s\n' "$missing" | cut -d ' ' -f 1 | tr '\n' ' ')
    if ! have apt-get; then
        complain "missing programs: ${programs}- this is not Debian or Ubuntu, so install them your own way. Going on without."
        return 0
    fi
    if [ "$(id -u)" -ne 0 ]; then
        complain "missing programs: ${programs}- root is needed to install them: apt-get install ${packages}"
        complain "going on without; what needs them will say so"
        return 0
    fi
    say "installing Debian packages: $packages"
    apt_log=$(mktemp)
    if apt-get update -qq >"$apt_log" 2>&1 &&
        # shellcheck disable=SC2086 # one word for each package is what is meant
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages \
            </dev/null >>"$apt_log" 2>&1; then
        say "Debian packages installed"
    else
        complain "apt-get failed; its last words:"
        tail -n 15 "$apt_log" >&2
        complain "still missing: $(missing_programs "$1" | cut -d ' ' -f 2 | tr '\n' ' ')- going on; what needs them will say so"
    fi
    rm -f "$apt_log"
}

# --- the Python environment -------------------------------------------------------------------------------

python_is_new_enough() {
    "$1" -c "import sys; sys.exit(sys.version_info < tuple(map(int, '$PYTHON_LEAST'.split('.'))))" 2>/dev/null
}

choose_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if have "$candidate" && python_is_new_enough "$candidate"; then
            command -v "$candidate"
            return 0
        fi
    done
    complain "no Python >= $PYTHON_LEAST found (looked for ${PYTHON:+$PYTHON, }python3, python3.13, python3.12, python3.11)."
    complain "Debian 12 and Ubuntu 24.04 have one: apt-get install python3-venv. Or name yours: make ... PYTHON=/path/to/python"
    return 1
}

need_venv_module() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return 0
    if [ "$(id -u)" -eq 0 ] && have apt-get; then
        say "installing Debian package: python3-venv"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv </dev/null
        "$1" -c 'import ensurepip, venv' 2>/dev/null && return 0
    fi
    complain "$1 cannot make environments; on Debian and Ubuntu: apt-get install python3-venv"
    return 1
}

make_venv() {
    if [ -d "$VENV" ]; then
        python_is_new_enough "$VENV/bin/python" && return 0
        say "$VENV is of no use (moved, or its Python is gone or too old): making it anew"
        rm -rf "$VENV"
    fi
    python=$(choose_python)
    need_venv_module "$python"
    say "making $VENV with $("$python" --version 2>&1) ($python)"
    "$python" -m venv "$VENV"
}

# The stamp of a lock: what is installed from it, with which Python, and with which packages of ours.
stamp_of() {
    { cat "$1" pyproject.toml && "$VENV/bin/python" --version && pwd && echo */__init__.py; } | cksum
}

install_lock() {
    lock=$1
    stamp_file="$VENV/.installed-$lock"
    wanted=$(stamp_of "$lock")
    [ "$(cat "$stamp_file" 2>/dev/null || true)" = "$wanted" ] && return 0
    quiet=--quiet
    [ -t 1 ] && quiet=--progress-bar=on
    say "installing $(grep -c '==' "$lock") Python packages from $lock (a minute or two the first time)"
    "$VENV/bin/python" -m pip install --disable-pip-version-check --no-input "$quiet" \
        --require-hashes -r "$lock" || {
        complain "pip could not install $lock. pip's configuration says where from: $VENV/bin/pip config list"
        return 1
    }
    "$VENV/bin/python" -m pip install --disable-pip-version-check --no-input --quiet \
        --no-deps --no-build-isolation --editable . || {
        complain "pip could not install the project itself"
        return 1
    }
    printf '%s\n' "$wanted" >"$stamp_file"
}

# --- main -------------------------------------------------------------------------------------------------

case "${1:-}" in
demo)
    make_venv
    # The lock for tests contains the runtime lock, version for version: if it is current, there is nothing to do.
    if [ "$(cat "$VENV/.installed-requirements-dev.lock" 2>/dev/null || true)" != "$(stamp_of requirements-dev.lock)" ]; then
        install_lock requirements.lock
    fi
    install_programs demo
    ;;
test)
    make_venv
    install_lock requirements-dev.lock
    install_programs test
    ;;
dev)
    make_venv
    install_lock requirements-dev.lock
    ;;
*)
    complain "usage: tools/bootstrap.sh demo | test | dev"
    exit 2
    ;;
esac
