# alone
# limit: 300
# Maintenance moves the VIP in no more time than a bare write to net.inet.carp.demotion does, and gives it back.

pair lan
client cl lan 10.1.0.20/24
for n in fw1 fw2; do
	conf $n < /dev/null
	carpd_start $n
done
handovers 3
bare=$(gap_median bare) ours=$(gap_median maintenance)
note "gap at 100 Hz, median of 3: maintenance $ours ms, bare sysctl $bare ms"
[ "$ours" -le $((bare + 10)) ] || fail "maintenance costs $ours ms, a bare sysctl $bare ms"
