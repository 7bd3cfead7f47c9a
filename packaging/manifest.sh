#!/bin/sh
# Prints the manifest of the package NAME of what lies below STAGE: pkg-create(8), section MANIFEST FILE.
#
# usage: manifest.sh NAME STAGE ABI [files]
#
# Without the word "files" it is the compact manifest, which does not list them. What is a package's own comes from
# manifest/NAME.sh: where the metadata is, members beyond everybody's, folders and scripts.
set -eu
here=$(dirname "$0")
name=$1
stage=$2
abi=$3
with=${4:-}
export LC_ALL=C

# A text as a string of JSON.
quote() {
	printf '"'
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/	/\\t/g' | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }'
	printf '"'
}

# A variable of the Makefile that a port or a plugin has.
of_makefile() {
	sed -n "s/^$1=[[:space:]]*//p" "$makefile"
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

. "$here/manifest/$name.sh"
size=$(find "$stage" -type f -exec cat {} + | wc -c | tr -d ' ')
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/../Cargo.toml" | head -n 1)

cat <<END
{
"name": "$name",
"origin": "$origin",
"version": "$version",
"comment": $(of_makefile "${prefix}COMMENT" | quote),
"maintainer": $(of_makefile "${prefix}MAINTAINER" | quote),
"www": "$www",
"abi": "$abi",
"prefix": "/usr/local",
"flatsize": $size,
"licenselogic": "single",
"licenses": ["BSD2CLAUSE"],
"desc": $(sed 's/%/%25/g' "$(dirname "$makefile")/pkg-descr" | quote),
"categories": ["net"],
$(members)
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
	for folder in $(folders); do
		printf '%s"/%s": {"uname": "root", "gname": "wheel", "perm": "%s"}\n' "$comma" "$folder" "$(mode "$stage/$folder")"
		comma=,
	done
	echo '},'
	scripts
fi
echo '}'
