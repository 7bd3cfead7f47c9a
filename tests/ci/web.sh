#!/bin/sh
# The pages of the OPNsense plugin. Without an argument: their scripts, texts and templates, in seconds. `browser`: in Chromium,
# with a lab behind them; see tests/opnsense/browser/README.md.
set -eu
cd "$(dirname "$0")/../.."

have() { command -v "$1" >/dev/null 2>&1; }

# $1: a program, $2: its package for apt
need() {
	if ! have "$1" && have apt-get && [ "$(id -u)" = 0 ]; then
		apt-get update -qq
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $2
	fi
	if ! have "$1"; then
		echo "SKIPPED: the plugin's pages are not tested: $1 is missing" >&2
		exit 0
	fi
}

need node nodejs
if [ "${1:-}" != browser ]; then
	exec node --test tests/opnsense/browser/lint.test.mjs tests/opnsense/browser/unit.test.mjs
fi

need php "php-cli php-xml"
if [ -z "${CARPD_BROWSER:-}" ]; then
	CARPD_BROWSER=$(command -v chromium || command -v chromium-browser || command -v chrome || true)
	[ -n "$CARPD_BROWSER" ] || { need chromium chromium; CARPD_BROWSER=$(command -v chromium); }
fi
export CARPD_BROWSER
[ -x "${CARPD_BUILT:-target/release}/carpctl" ] || cargo build --release --locked
exec node --test tests/opnsense/browser/pages.mjs
