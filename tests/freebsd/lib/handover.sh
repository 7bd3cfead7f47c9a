# Handovers from fw1 to fw2 of vhid 1 on lan with a client that pings it.

# handover COMMAND...: fw1 gives the VIP away; the gap is in $GAP.
handover() {
	ping_start cl 10.1.0.1
	ping_more 50
	"$@"
	becomes fw2 lan 1 MASTER
	becomes fw1 lan 1 BACKUP
	ping_more 100
	ping_gap
	printf '%s: gap %s ms, lost %s, doubled %s\n' "$1" "$GAP" "$LOST" "$DOUBLED"
}

# hand_back COMMAND...: and gets it back.
hand_back() {
	"$@"
	becomes fw1 lan 1 MASTER
	becomes fw2 lan 1 BACKUP
}

# handovers ROUNDS: a bare sysctl and carpd's maintenance by turns; the gaps are in $CASE/gaps.bare and $CASE/gaps.maintenance.
handovers() {
	local round

	round=0
	while [ "$round" -lt "$1" ]; do
		round=$((round + 1))
		step "round $round: a bare sysctl"
		handover demote fw1 240
		echo "$GAP" >> "$CASE/gaps.bare"
		hand_back demote fw1 -240
		step "round $round: maintenance"
		handover ctl fw1 maintenance enter --reason "the suite" --wait
		echo "$GAP" >> "$CASE/gaps.maintenance"
		has "maintenance show" "$(ctl fw1 maintenance show)" "the suite"
		hand_back ctl fw1 maintenance leave
		is "the demotion afterwards" "$(demotion fw1)" 0
	done
}

# gap_median NAME
gap_median() {
	sort -n "$CASE/gaps.$1" | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] }'
}
