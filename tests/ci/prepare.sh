#!/bin/sh
# Installs what the tests need and this machine lacks: a C linker for Rust, cargo-nextest, and where apt has them mandoc and
# what the OPNsense plugin is tested with.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }

if ! have cargo; then
	echo "cargo is missing: install a Rust toolchain (rustup, or your system's package), then run this again" >&2
	exit 1
fi

if ! have cc; then
	case $(uname -s) in
	FreeBSD) echo "cc is missing: install the base system's compiler (FreeBSD-clang)" >&2; exit 1 ;;
	*)
		if have apt-get; then
			apt-get update -qq
			DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev
		else
			echo "cc is missing: install a C compiler, Rust links with it" >&2
			exit 1
		fi ;;
	esac
fi

# Without it the manual pages are tested for what they say, but not for their form.
if ! have mandoc && have apt-get && [ "$(id -u)" = 0 ]; then
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mandoc
fi

# Without them, tests/opnsense/run leaves out what needs them.
if { ! have php || ! have phpunit || ! have phpcs || ! have xmllint; } && have apt-get && [ "$(id -u)" = 0 ]; then
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		php-cli php-xml php-mbstring phpunit php-codesniffer libxml2-utils python3-jinja2
fi

if ! have cargo-nextest; then
	if [ "$(uname -s)" = FreeBSD ] && have pkg; then
		pkg install -y cargo-nextest || cargo install --locked cargo-nextest
	else
		cargo install --locked cargo-nextest
	fi
fi
