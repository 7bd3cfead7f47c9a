# carpctl status against what people type instead: at most half of it.

need_nanoseconds
pair lan
conf fw1 < /dev/null
carpd_start fw1
i=$(if_of fw1 lan)

time_runs fw1 "${CARPD_BENCH_RUNS:-40}" true /usr/bin/true \
	hand "ifconfig $i | grep carp:; sysctl -n net.inet.carp.demotion" \
	status "$CARPCTL --config $CASE/fw1/carpd.toml --color never status"
shown true "/usr/bin/true, for scale"
shown hand "ifconfig IF | grep carp:; sysctl -n net.inet.carp.demotion"
shown status "carpctl status"
hand=$(median_of hand) status=$(median_of status)
note "carpctl status takes $(awk -v a="$status" -v b="$hand" 'BEGIN { printf "%.2f", a / b }') of that; the reach is 0.50"
[ $((status * 2)) -le "$hand" ] || fail "carpctl status takes more than half of what ifconfig and sysctl take"
