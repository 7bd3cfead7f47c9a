#!/bin/sh
# Lays out below STAGE what the package of the plugin holds: its src/ below /usr/local, and the file that tells OPNsense about it,
# as the plugins framework does.
#
# usage: stage-plugin.sh STAGE
set -eu
cd "$(dirname "$0")/.."
stage=$1
src=opnsense-plugin/src
# The series of OPNsense that it is written for.
series=26.7

of_makefile() {
	sed -n "s/^PLUGIN_$1=[[:space:]]*//p" opnsense-plugin/Makefile
}

rm -rf "$stage"
(cd "$src" && find . -type f) | while read -r file; do
	case $file in
	*.in | *.sample | *.shadow | ./man/*)
		echo "$src/$file: the plugins framework changes such a file, which this script cannot yet" >&2
		exit 1
		;;
	esac
	# A checkout knows one bit of a mode; the others would be its umask's.
	if [ -x "$src/$file" ]; then mode=0755; else mode=0644; fi
	install -d -m 0755 "$stage/usr/local/$(dirname "$file")"
	install -m "$mode" "$src/$file" "$stage/usr/local/$file"
done

name=$(of_makefile NAME)
install -d -m 0755 "$stage/usr/local/opnsense/version"
cat >"$stage/usr/local/opnsense/version/$name" <<END
{
    "product_abi": "$series",
    "product_arch": "any",
    "product_conflicts": "os-$name-devel",
    "product_email": "$(of_makefile MAINTAINER)",
    "product_hash": "$(git rev-parse --short=9 HEAD 2>/dev/null || echo undefined)",
    "product_id": "os-$name",
    "product_name": "$name",
    "product_tier": "3",
    "product_version": "$(of_makefile VERSION)",
    "product_website": "https://opnsense.org/"
}
END
chmod 0644 "$stage/usr/local/opnsense/version/$name"
