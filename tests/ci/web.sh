#!/bin/sh
# The pages of the OPNsense plugin, without a browser: their scripts, texts and templates, in seconds.
set -eu
cd "$(dirname "$0")/../.."

have() { command -v "$1" >/dev/null 2>&1; }

if ! have node && have apt-get && [ "$(id -u)" = 0 ]; then
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs
fi
if ! have node; then
	echo "SKIPPED: the scripts of the plugin's pages are not tested: node is missing" >&2
	exit 0
fi
exec node --test tests/opnsense/browser/lint.test.mjs tests/opnsense/browser/unit.test.mjs
