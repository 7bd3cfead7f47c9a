#!/bin/sh
# Opens the lab's report in a real browser: it has to show its verdict and to load nothing from outside. Leaves pictures in
# target/report-*.png, in light and dark, wide and narrow.
set -eu
cd "$(dirname "$0")/../.."

browser=$(command -v chromium || command -v chromium-browser || command -v chrome || true)
if [ -z "$browser" ]; then
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium
	browser=$(command -v chromium)
fi

report=$PWD/target/carpd-lab-report.html
[ -f "$report" ] || ./target/release/carpctl lab --report "$report"
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

see() {
	timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
		--disable-background-networking --disable-component-update --disable-sync --user-data-dir="$profile" "$@" \
		"file://$report"
}

for width in 400 1400; do
	see --window-size="$width",2400 --screenshot="target/report-light-$width.png"
	see --window-size="$width",2400 --blink-settings=preferredColorScheme=0 --screenshot="target/report-dark-$width.png"
done
see --dump-dom >target/report.dom
grep -q 'promises held' target/report.dom || { echo "the report shows no verdict" >&2; exit 1; }
if grep -Eq '(src|href)="?(https?:)?//' target/report.dom; then echo "the report loads something" >&2; exit 1; fi
ls -l target/report-*.png
