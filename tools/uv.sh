#!/bin/sh
# Prints the path of a working uv. Where there is none, installs the pinned one into .tools/,
# which asks neither for root nor for a Python that lets itself be changed (PEP 668).
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
local_uv="$root/.tools/uv/bin/uv"

say() { printf '%s\n' "$*" >&2; }

works() { "$1" --version >/dev/null 2>&1; }

answer_if_there() {
    # A name on the PATH may be a version manager's empty shim, so it is asked, not believed.
    if works uv; then
        command -v uv
        exit 0
    fi
    if works "$local_uv"; then
        printf '%s\n' "$local_uv"
        exit 0
    fi
}

find_python() {
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python; do
        if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 9))' \
            >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

install_with() {
    # $1: a command that behaves like pip; further arguments are added to `install`.
    pip=$1
    shift
    # Word splitting is wanted: the command is "python3 -m pip".
    # shellcheck disable=SC2086
    PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_ROOT_USER_ACTION=ignore \
        $pip install --quiet --disable-pip-version-check \
        --no-deps --require-hashes -r "$root/requirements/uv.txt" "$@" >&2
}

answer_if_there

if ! python=$(find_python); then
    say "Keepwell needs Python 3.11 or newer (or uv, which brings one), and found neither."
    exit 1
fi

say "uv is not installed here: putting the pinned version into .tools/uv"
if "$python" -m pip --version >/dev/null 2>&1; then
    install_with "$python -m pip" --upgrade --target "$root/.tools/uv"
elif "$python" -m venv "$root/.tools/uv" >/dev/null 2>&1; then
    install_with "$root/.tools/uv/bin/python -m pip"
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "$python has no pip: installing the system package python3-pip"
    apt-get update -qq >&2
    apt-get install -y -qq --no-install-recommends python3-pip >&2
    install_with "$python -m pip" --upgrade --target "$root/.tools/uv"
else
    say "$python has no pip. Install the system package python3-pip, or uv itself, and try again."
    exit 1
fi

answer_if_there
say "The installation into .tools/uv did not give a working uv."
exit 1
