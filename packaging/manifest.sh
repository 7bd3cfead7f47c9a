#!/bin/sh
# Prints the manifest of a package of what lies below STAGE: pkg-create(8), section MANIFEST FILE.
#
# usage: manifest.sh STAGE ABI [files]
#
# Without the word "files" it is the compact manifest, which does not list them.
set -eu
here=$(dirname "$0")
stage=$1
abi=$2
with=${3:-}
export LC_ALL=C

# A text as a string of JSON.
quote() {
	printf '"'
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/	/\\t/g' | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }'
	printf '"'
}

of_port() {
	sed -n "s/^$1=[[:space:]]*//p" "$here/port/Makefile"
}

sum() {
	if command -v sha256sum >/dev/null; then sha256sum "$1" | cut -d ' ' -f 1; else sha256 -q "$1"; fi
}

mode() {
	stat -c %a "$1" 2>/dev/null || stat -f %Lp "$1"
}

paths() {
	(cd "$stage" && find usr -type "$1" -name "$2" | sort)
}

# What lua(1) in pkg does for each sample, in the package's own folder.
after() {
	for sample in $(paths f '*.sample'); do
		echo "if not pkg.stat('/${sample%.sample}') then pkg.copy('/$sample', '/${sample%.sample}') end"
	done
}

# An upgrade removes nothing: for a moment, a running carpd would find no configuration.
before() {
	for sample in $(paths f '*.sample'); do
		echo "if not pkg_upgrade and pkg.filecmp('/$sample', '/${sample%.sample}') == 0 then" \
			"os.remove('/${sample%.sample}') end"
	done
}

size=$(find "$stage" -type f -exec cat {} + | wc -c | tr -d ' ')
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/../Cargo.toml" | head -n 1)

cat <<END
{
"name": "carpd",
"origin": "net/carpd",
"version": "$version",
"comment": $(of_port COMMENT | quote),
"maintainer": $(of_port MAINTAINER | quote),
"www": "UNKNOWN",
"abi": "$abi",
"prefix": "/usr/local",
"flatsize": $size,
"licenselogic": "single",
"licenses": ["BSD2CLAUSE"],
"desc": $(sed 's/%/%25/g' "$here/port/pkg-descr" | quote),
"categories": ["net"],
"annotations": {"FreeBSD_version": "1400097"},
"messages": $(sed 's|%%PREFIX%%|/usr/local|g' "$here/port/pkg-message")
END
if [ "$with" = files ]; then
	echo ',"files": {'
	comma=
	for file in $(paths f '*'); do
		printf '%s"/%s": {"sum": "1$%s", "uname": "root", "gname": "wheel", "perm": "%s", "mtime": %s}\n' \
			"$comma" "$file" "$(sum "$stage/$file")" "$(mode "$stage/$file")" "${SOURCE_DATE_EPOCH:-0}"
		comma=,
	done
	echo '},"directories": {'
	comma=
	for folder in $(paths d carpd); do
		printf '%s"/%s": {"uname": "root", "gname": "wheel", "perm": "%s"}\n' "$comma" "$folder" "$(mode "$stage/$folder")"
		comma=,
	done
	echo '},"lua_scripts": {'
	printf '"post-install": [%s],\n"pre-deinstall": [%s]\n}\n' "$(after | quote)" "$(before | quote)"
fi
echo '}'
