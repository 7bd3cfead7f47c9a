#!/bin/sh
# Runs the fuzz targets one after the other, each for so many seconds: fuzz.sh SECONDS [TARGET ...]
# What libFuzzer finds on its way stays in target/fuzz-corpus. An input that breaks something is left in fuzz/artifacts:
# mend what it shows, then keep it as a file of fuzz/corpus/TARGET, where every test run tries it.
set -eu
cd "$(dirname "$0")/../.."

seconds=$1
shift
if ! cargo +nightly --version >/dev/null 2>&1; then
	rustup toolchain install nightly --profile minimal
fi
command -v cargo-fuzz >/dev/null 2>&1 || cargo install --locked cargo-fuzz

# The targets are safe Rust throughout, so a sanitizer for memory would find nothing and halve the speed.
fuzz() {
	command=$1
	shift
	cargo +nightly fuzz "$command" --sanitizer none "$@"
}

[ $# -gt 0 ] || set -- $(cargo +nightly fuzz list)
fuzz build
broken=
for target; do
	mkdir -p "target/fuzz-corpus/$target"
	log=target/fuzz-$target.log
	# libFuzzer adds to the first folder only, so the corpus in the tree stays small.
	if fuzz run "$target" "target/fuzz-corpus/$target" "fuzz/corpus/$target" -- \
		-max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 >"$log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		echo "$target: $runs runs in $seconds s"
	else
		tail -n 30 "$log"
		broken="$broken $target"
	fi
done
[ -z "$broken" ] || { echo "broken:$broken" >&2; exit 1; }
