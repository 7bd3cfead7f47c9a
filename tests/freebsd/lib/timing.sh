# Times of whole programs.

# need_nanoseconds: date(1) has them since FreeBSD 14.1.
need_nanoseconds() {
	case $(date +%N) in
	*[!0-9]*) skip "date(1) of this FreeBSD has no %N" ;;
	esac
}

# time_runs NODE RUNS NAME COMMAND NAME COMMAND...: microseconds from start to end of each command, into $CASE/times.NAME. They take turns,
# so that a busy moment of the machine hits all of them. The shell that starts them runs on the node, as an administrator's does. One
# date(1) is in each time; what "empty" takes is that, and summary takes it off.
time_runs() {
	local node runs

	node=$1 runs=$2
	shift 2
	# shellcheck disable=SC2016 # for the node's shell
	on "$node" sh -c '
		runs=$0 into=$1
		shift
		measure() {
			from=$(date +%s%N)
			eval "$2" > /dev/null 2>&1
			to=$(date +%s%N)
			echo $(((to - from) / 1000)) >> "$into/times.$1"
		}
		while [ "$runs" -gt 0 ]; do
			runs=$((runs - 1))
			measure empty :
			n=$#
			while [ "$n" -gt 0 ]; do
				measure "$1" "$2"
				set -- "$@" "$1" "$2"
				shift 2
				n=$((n - 2))
			done
		done' "$runs" "$CASE" "$@"
}

# summary NAME: "MIN MEDIAN P99" in microseconds.
summary() {
	local off

	off=$(sort -n "$CASE/times.empty" | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] }')
	sort -n "$CASE/times.$1" | awk -v off="$off" '{ t[NR] = $1 - off } END {
		p = int(NR * 0.99 + 0.999999)
		print t[1], t[int((NR + 1) / 2)], t[p]
	}'
}

# shown NAME TEXT: a line of the table.
shown() {
	summary "$1" | awk -v text="$2" '{ printf "%-60s %8.1f %8.1f %8.1f ms (min, median, p99)\n", text, $1 / 1000, $2 / 1000, $3 / 1000 }' >> "$CASE/notes"
}

median_of() {
	summary "$1" | awk '{ print $2 }'
}
