#!/bin/sh
# Makes a complete port: target/port/carpd, for a ports tree's net/, and the distfile of the newest commit beside it.
#
# What is in packaging/port is taken as it is; the version comes from Cargo.toml, the list of crates from Cargo.lock, and the
# sizes of the crates, which only a download tells, from cargo's cache.
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
out=target/port
port=$out/carpd
distfile=carpd-$version.tar.gz
cache=${CARGO_HOME:-$HOME/.cargo}/registry/cache

sum() {
	if command -v sha256sum >/dev/null; then sha256sum "$1" | cut -d ' ' -f 1; else sha256 -q "$1"; fi
}

size() {
	wc -c <"$1" | tr -d ' '
}

# NAME-VERSION CHECKSUM of every crate.
crates() {
	awk -F '"' '/^name/ { name = $2 } /^version/ { version = $2 } /^checksum/ { print name "-" version, $2 }' Cargo.lock
}

rm -rf "$out"
mkdir -p "$port"
cp packaging/port/pkg-descr packaging/port/pkg-message packaging/port/pkg-plist "$port"
sed "s/%%VERSION%%/$version/" packaging/port/Makefile >"$port/Makefile"
crates | awk '{ printf "%s%s", NR == 1 ? "CARGO_CRATES=\t" : " \\\n\t\t", $1 } END { print "" }' >"$port/Makefile.crates"
git archive --format=tar --prefix="carpd-$version/" HEAD | gzip -9n >"$out/$distfile"

cargo fetch --quiet --locked
{
	echo "TIMESTAMP = $(git log -1 --format=%ct)"
	crates | while read -r crate checksum; do
		file=$(find "$cache" -name "$crate.crate" | head -n 1)
		[ -n "$file" ] || { echo "$crate is not below $cache" >&2; exit 1; }
		printf 'SHA256 (rust/crates/%s.crate) = %s\n' "$crate" "$checksum"
		printf 'SIZE (rust/crates/%s.crate) = %s\n' "$crate" "$(size "$file")"
	done
	printf 'SHA256 (%s) = %s\n' "$distfile" "$(sum "$out/$distfile")"
	printf 'SIZE (%s) = %s\n' "$distfile" "$(size "$out/$distfile")"
} >"$port/distinfo"
ls -l "$out" "$port"
