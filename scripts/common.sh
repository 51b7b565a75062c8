# shellcheck shell=bash
# Sourced by the set-up scripts: how they speak, which docker client they use, how they install a package.

say() { printf 'set-up: %s\n' "$*"; }

fail() { # MESSAGE HINT...
  printf 'set-up: error: %s\n' "$1" >&2
  shift
  printf '  %s\n' "$@" >&2
  exit 1
}

# The distribution's client stands first: a `docker` found earlier on the PATH may be a bare one without BuildKit.
client() {
  if [ -x /usr/bin/docker ]; then echo /usr/bin/docker; else command -v docker || true; fi
}

# timeout(1), where there is one: macOS has none.
within() { # SECONDS COMMAND...
  if command -v timeout >/dev/null; then timeout "$@"; else "${@:2}"; fi
}

# Does an engine answer, where DOCKER_HOST or the default says?
answers() {
  local docker
  docker=$(client)
  [ -n "$docker" ] && within 10 "$docker" version --format '{{.Server.Version}}' >/dev/null 2>&1
}

debian_root() { [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null; }

# Debian packages, said before they come; the lists are fetched once a run.
install() { # WHY PACKAGE...
  local why=$1
  shift
  say "installing $* ($why)"
  [ -n "${lists_fetched:-}" ] || apt-get update -q >/dev/null
  lists_fetched=1
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null
}
