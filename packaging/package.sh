#!/bin/sh
# Builds the packages for pkg(8): target/package/carpd-VERSION.pkg and os-carpd-VERSION.pkg, the plugin for OPNsense. The same
# sources make the same bytes.
#
# usage: package.sh [BUILT [OUT]]
#
# BUILT is a folder with the programs. Without it they are built: here on FreeBSD, by the cross-build elsewhere.
set -eu
cd "$(dirname "$0")/.."
built=${1:-}
out=${2:-target/package}
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}"
stage=$out/stage
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

if [ "$(uname -s)" = FreeBSD ]; then
	abi=$(pkg config ABI)
else
	# Built against 14.0, so for every later release as well.
	abi='FreeBSD:*:amd64'
	if [ -z "$built" ]; then
		sh tests/ci/cross.sh build
		built=target/freebsd/x86_64-unknown-freebsd/release
	fi
fi

# Makes the package NAME of what lies below the stage.
pack() {
	name=$1
	sh packaging/manifest.sh "$name" "$stage" "$2" >"$out/+COMPACT_MANIFEST"
	sh packaging/manifest.sh "$name" "$stage" "$2" files >"$out/+MANIFEST"
	chmod 0644 "$out/+COMPACT_MANIFEST" "$out/+MANIFEST"
	package=$out/$name-$version.pkg
	rm -f "$package"
	if [ "$(uname -s)" = FreeBSD ]; then
		pkg create -M "$out/+MANIFEST" -r "$stage" -o "$out"
	else
		# The manifests come first, then the files under their full names.
		(cd "$stage" && find usr -type f | LC_ALL=C sort) >"$out/files"
		tar --create --format=ustar --owner=root:0 --group=wheel:0 --mtime="@$SOURCE_DATE_EPOCH" \
			--no-recursion --absolute-names --transform='s|^usr/|/usr/|' \
			--directory="$out" +COMPACT_MANIFEST +MANIFEST --directory=stage --files-from="$out/files" |
			zstd --quiet -19 -T1 >"$package"
	fi
	rm -rf "$stage" "$out/files" "$out/+COMPACT_MANIFEST" "$out/+MANIFEST"
	ls -l "$package"
}

mkdir -p "$out"
sh packaging/stage.sh "$stage" "$built"
pack carpd "$abi"
sh packaging/stage-plugin.sh "$stage"
# Scripts and pages: they run wherever carpd does.
pack os-carpd 'FreeBSD:*:*'
