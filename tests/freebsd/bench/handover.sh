# A planned handover against a bare sysctl, by the gap that a ping of 100 Hz sees.

pair lan
client cl lan 10.1.0.20/24
for n in fw1 fw2; do
	conf $n < /dev/null
	carpd_start $n
done
handovers "${CARPD_BENCH_ROUNDS:-10}"
gaps() {
	note "$(sort -n "$CASE/gaps.$1" | awk -v text="$2" '{ t[NR] = $1 } END {
		printf "%-60s %8d %8d %8d ms (min, median, max of %d)", text, t[1], t[int((NR + 1) / 2)], t[NR], NR }')"
}
gaps bare "gap of sysctl net.inet.carp.demotion=240"
gaps maintenance "gap of carpctl maintenance enter --wait"
[ "$(gap_median maintenance)" -le $(($(gap_median bare) + 10)) ] || fail "maintenance costs more than 10 ms above a bare sysctl"
