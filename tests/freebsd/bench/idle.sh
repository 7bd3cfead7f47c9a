# What a daemon takes that has nothing to do: memory, and how often it wakes up, with 1 and with 255 vhids.

cluster lan
node fw1 lan
address fw1 lan 10.1.0.11/24
vhid fw1 lan 1 0 10.1.0.1/24
becomes fw1 lan 1 MASTER
conf fw1 < /dev/null
carpd_start fw1

# usage: "VOLUNTARY INVOLUNTARY CPU-MICROSECONDS" of carpd so far.
usage() {
	procstat rusage "$(carpd_pid fw1)" | awk '
		/involuntary context switches/ { involuntary = $NF; next }
		/voluntary context switches/ { voluntary = $NF }
		/(user|system) time/ { split($NF, t, ":"); cpu += (t[1] * 3600 + t[2] * 60 + t[3]) * 1000000 }
		END { printf "%d %d %d\n", voluntary, involuntary, cpu }'
}

# idle VHIDS: 30 s of it. The time is the measurement, not a wait for something.
idle() {
	local before after

	step "30 s with $1 vhids"
	before=$(usage)
	sleep 30
	after=$(usage)
	rss=$(ps -o rss= -p "$(carpd_pid fw1)" | tr -d ' ')
	note "$(echo "$before $after" | awk -v vhids="$1" -v rss="$rss" '{
		printf "%3d vhids: RSS %d KiB, %.2f voluntary and %.2f involuntary wakeups a second, CPU %.3f %%", vhids, rss,
			($4 - $1) / 30, ($5 - $2) / 30, ($6 - $3) / 300000 }')"
	[ "$rss" -le 8192 ] || fail "RSS is above 8 MiB"
}

idle 1
# shellcheck disable=SC2016 # for the node's shell
on fw1 sh -c '
	v=2
	while [ $v -le 255 ]; do
		ifconfig "$0" vhid $v pass of-the-suite 10.1.1.$v/32 alias
		v=$((v + 1))
	done' "$(if_of fw1 lan)"
all_masters() {
	[ "$(on fw1 ifconfig "$(if_of fw1 lan)" | grep -c 'carp: MASTER')" = 255 ]
}
wait_for 60 "255 vhids" all_masters
ctl fw1 wait --timeout 30s --state MASTER "255@$(if_of fw1 lan)"
idle 255
