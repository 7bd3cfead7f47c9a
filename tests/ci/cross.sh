#!/bin/sh
# Proves on Debian that everything compiles, lints and links for FreeBSD.
#
# usage: cross.sh prepare|check|lint|build|env [TARGET]
#
#   prepare  installs the toolchain where it is missing, as the others do first
#   check    lints everything, builds both programs, links every test and benchmark
#   lint     lints everything
#   build    builds both programs
#   env      prints what the tests need to look at the result, as shell commands
#
# The compiler is Debian's rustc-web, with std built from Debian's sources; the linker, FreeBSD's C library to link with and
# FreeBSD's headers come with zig. All of it except Debian's packages lives below CARPD_CROSS, and nothing of a rustup
# beside it is used or changed.
set -eu
cd "$(dirname "$0")/../.."

ZIG=0.16.0
# The release whose headers this zig has.
HEADERS=15.0
# The oldest release that the programs start on.
OLDEST=14.0
# Counts the ways in which std was built here.
RECIPE=2

command=${1:-}
target=${2:-x86_64-unknown-freebsd}
processor=${target%%-*}
root=${CARPD_CROSS:-${XDG_CACHE_HOME:-$HOME/.cache}/carpd-cross}
packages="rustc-web cargo-web rust-web-clippy rust-web-src python3-venv gcc libc6-dev ca-certificates zstd"
zig=$root/zig-$ZIG/ziglang/zig
linker=$root/cc-$target
built=target/freebsd/$target/release

# What cannot be done here is said aloud, and is an error where it has to be done.
give_up() {
	echo "NOT CROSS-BUILT: $1" >&2
	if [ "$command" = build ] || [ "${CROSS:-}" = required ]; then exit 1; fi
	exit 0
}

is_installed() {
	# shellcheck disable=SC2086 # a list of words
	[ "$(dpkg-query -W -f '${db:Status-Status}\n' $packages 2>/dev/null | grep -cx installed)" = "$(echo $packages | wc -w)" ]
}

install_packages() {
	if is_installed; then return; fi
	[ "$(id -u)" = 0 ] || give_up "run once as root: apt-get install $packages"
	apt-get update -qq
	apt-cache show rustc-web >/dev/null 2>&1 || give_up "this release has no package rustc-web; Debian 12 has"
	# --no-remove: another rustc of Debian's would have to go for this one, which is for its owner to decide.
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-remove $packages ||
		give_up "apt-get cannot install: $packages"
}

install_zig() {
	if [ -x "$zig" ]; then return; fi
	work=$(mktemp -d "$root/tmp.XXXXXX")
	/usr/bin/python3 -m venv "$work/venv"
	"$work/venv/bin/pip" install -q --disable-pip-version-check --no-deps --only-binary :all: \
		--target "$work/zig" "ziglang==$ZIG"
	mv "$work/zig" "$root/zig-$ZIG"
	rm -rf "$work"
}

# zig has no stubs for four libraries that the crate libc names on FreeBSD and that nothing here uses.
install_linker() {
	cat >"$linker.new" <<-END
		#!/bin/sh
		for argument; do
			shift
			case \$argument in
			-lkvm | -lmemstat | -lprocstat | -ldevstat) ;;
			*) set -- "\$@" "\$argument" ;;
			esac
		done
		export ZIG_GLOBAL_CACHE_DIR='$root/zig-cache'
		exec '$zig' cc -target $processor-freebsd.$OLDEST "\$@"
	END
	chmod 0755 "$linker.new"
	mv "$linker.new" "$linker"
}

# Debian's cargo with Debian's rustc. rustup's shims come first in many a PATH, and its settings would be obeyed.
cargo_for_target() {
	upper=$(echo "$target" | tr 'a-z-' 'A-Z_')
	env -u RUSTUP_TOOLCHAIN -u RUSTC_WRAPPER -u CARGO_ENCODED_RUSTFLAGS -u RUSTFLAGS -u CARGO_BUILD_TARGET \
		PATH=/usr/bin:/bin:/usr/sbin:/sbin CARGO=/usr/bin/cargo RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc \
		"CARGO_TARGET_${upper}_LINKER=$linker" "$@"
}

# No path of this machine stays in what is shipped: the same sources make the same programs.
forget() {
	echo "--remap-path-prefix=$PWD=carpd --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
}

# Built with the profile that rustc's own std is built with: it has what LTO and panic=abort need.
# The name of the folder changes with whatever it was built from, and with RECIPE, since cargo does not notice that a std has
# changed.
install_std() {
	std=$root/std-$(dpkg-query -W -f '${Version}' rustc-web)-zig-$ZIG-$RECIPE-$target
	if [ -d "$std" ]; then return; fi
	rm -rf "$root"/std-*-"$target"
	work=$(mktemp -d "$root/tmp.XXXXXX")
	source=/usr/lib/rustlib/src/rust/library/sysroot/Cargo.toml
	RUSTC_BOOTSTRAP=1 cargo_for_target env RUSTFLAGS="-Zforce-unstable-if-unmarked $(forget)" cargo build -q --locked --profile dist \
		--target "$target" --target-dir "$work/build" --manifest-path "$source" --features "backtrace panic-unwind"
	libraries=$work/std/lib/rustlib/$target/lib
	mkdir -p "$libraries"
	find "$work/build/$target/dist/deps" -name '*.rlib' ! -name '*libsysroot*' -exec cp {} "$libraries" \;
	mv "$work/std" "$std"
	rm -rf "$work"
}

prepare() {
	command -v apt-get >/dev/null || give_up "the toolchain comes from Debian's packages"
	install_packages
	mkdir -p "$root"
	# Two at once wait for each other.
	exec 9>"$root/lock"
	flock 9
	install_zig
	install_linker
	install_std
	exec 9>&-
}

cargo_here() {
	tool=$1
	subcommand=$2
	shift 2
	flags="--sysroot=$std $(forget)"
	upper=$(echo "$target" | tr 'a-z-' 'A-Z_')
	cargo_for_target env "CARGO_TARGET_${upper}_RUSTFLAGS=$flags" \
		"$tool" "$subcommand" --locked --target "$target" --target-dir target/freebsd "$@"
}

say() {
	echo "$target: $*"
}

lint() {
	say "lint"
	cargo_here cargo-clippy clippy --all-targets -- -D warnings
}

build() {
	say "programs"
	cargo_here cargo build --release --bins
}

# On FreeBSD, what is built there is the proof.
if [ "$(uname -s)" = FreeBSD ]; then
	[ "$command" = env ] || say "nothing is cross-built on FreeBSD itself"
	exit 0
fi

case $command in
prepare) prepare ;;
lint)
	prepare
	lint
	;;
build)
	prepare
	build
	;;
check)
	prepare
	lint
	build
	say "tests and benchmarks"
	# Nobody debugs them: without debugging information they are written in half the time.
	CARGO_PROFILE_DEV_DEBUG=0 cargo_here cargo test --no-run --all-targets
	;;
env)
	if [ -x "$zig" ]; then
		echo "export ZIG_GLOBAL_CACHE_DIR='$root/zig-cache' LAYOUT_CC='$zig cc -target $processor-freebsd.$HEADERS'"
	fi
	if [ -x "$built/carpd" ]; then echo "export CROSS_BUILT='$PWD/$built'"; fi
	;;
*)
	echo "usage: $0 prepare|check|lint|build|env [TARGET]" >&2
	exit 64
	;;
esac
