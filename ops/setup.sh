#!/usr/bin/env bash
# Brings a Debian-like machine to the point where `make demo` and `make test` work. Safe to run again: it looks before
# it installs, and takes about a tenth of a second when nothing is missing. As root it installs system packages
# itself; otherwise it prints the command to run. The Rust toolchain is never installed from here, only checked.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
solidity="$root/crates/contracts/solidity"
minimum_node=18

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Debian packages whose command (left) is missing, one name a line.
missing_packages() {
  have cc || echo build-essential
  have make || echo make
  have pkg-config || echo pkg-config
  have git || echo git
  have node || echo nodejs
  have npm || echo npm
  have openssl || echo openssl
  # Debian keeps it out of the path of ordinary users.
  have nats-server || [ -x /usr/sbin/nats-server ] || echo nats-server
  have python3 || echo python3
  python3 -c 'import ensurepip' >/dev/null 2>&1 || echo python3-venv
}

install_system_packages() {
  local packages
  mapfile -t packages < <(missing_packages)
  [ "${#packages[@]}" -eq 0 ] && return
  have apt-get || fail "missing: ${packages[*]}; install them with this system's package manager"
  if [ "$(id -u)" -ne 0 ]; then
    fail "missing: ${packages[*]}; run: sudo apt-get install -y --no-install-recommends ${packages[*]}"
  fi
  say "installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >/dev/null
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}

check_node() {
  local major
  major=$(node --version | sed -E 's/^v([0-9]+).*/\1/')
  [ "$major" -ge "$minimum_node" ] || fail "node $(node --version) is too old; version $minimum_node or newer is needed"
}

# forge, anvil, the Solidity compiler and the libraries that the contracts use. npm leaves a copy of the lock file
# behind when an installation is complete; it is older than ours when ours has changed since.
install_node_packages() {
  local done_mark="$solidity/node_modules/.package-lock.json"
  if [ -e "$done_mark" ] && [ ! "$solidity/package-lock.json" -nt "$done_mark" ]; then
    return
  fi
  say "installing forge, anvil and the Solidity libraries"
  (cd "$solidity" && npm ci --no-audit --no-fund --no-progress --loglevel=error >/dev/null)
}

check_foundry() {
  local tool
  for tool in forge anvil; do
    if ! "$solidity/node_modules/.bin/$tool" --version >/dev/null 2>&1; then
      fail "$tool does not run from $solidity/node_modules/.bin ($(uname -sm)); supported here: Linux x86_64"
    fi
  done
}

check_rust() {
  have cargo || fail "no Rust toolchain; install rustup, which then takes the version that rust-toolchain.toml pins"
  local wanted found
  wanted=$(sed -nE 's/^channel *= *"([^"]+)".*/\1/p' "$root/rust-toolchain.toml")
  found=$(cd "$root" && cargo --version | cut -d' ' -f2)
  [ "$found" = "$wanted" ] || say "note: cargo is $found, the project is tested with $wanted"
}

install_system_packages
check_node
check_rust
install_node_packages
check_foundry
