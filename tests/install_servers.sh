#!/bin/sh
# What the tests run against for real. Installs only what is missing, only where it can, and says what it could not.
set -u
have() { command -v "$1" >/dev/null 2>&1; }
postgres() {
    for bin in "$(pg_config --bindir 2>/dev/null)" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin; do
        [ -x "$bin/initdb" ] && [ -x "$bin/pgbench" ] && return 0
    done
    return 1
}

missing=""
postgres || missing="$missing postgresql"
have pgbouncer || [ -x /usr/sbin/pgbouncer ] || missing="$missing pgbouncer"
have prometheus || missing="$missing prometheus"
have chromium || have chromium-browser || have google-chrome || missing="$missing chromium"
[ -n "$missing" ] || exit 0

as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if have apt-get && { [ -z "$as_root" ] || sudo -n true 2>/dev/null; }; then
    echo "Installing for the tests:$missing"
    export DEBIAN_FRONTEND=noninteractive
    # Debian's packages start services of their own; the tests want only the programs.
    if [ -z "$as_root" ] && [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    $as_root apt-get update -qq >/dev/null || true
    for package in $missing; do
        $as_root apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 ||
            echo "Could not install $package; the tests that need it say so and are skipped." >&2
    done
fi
postgres || {
    echo "The tests need PostgreSQL's server programs (initdb, pgbench) and found none. Install them, e.g.:" >&2
    echo "  apt-get install postgresql    or    brew install postgresql@17" >&2
    exit 1
}
