# A service runs where its VIP is: after an election, a handover, a link that goes down, and the return.

pair lan
for n in fw1 fw2; do
	follower $n "1@$(if_of $n lan)" | conf $n
	carpd_start $n
done

here() {
	wait_for 15 "the service to run on $1" is_active "$1"
	wait_for 15 "the service to stand by on $2" is_standby "$2"
	ctl "$1" wait --timeout 15s --role active follower
	ctl "$2" wait --timeout 15s --role standby follower
	exits 0 ctl "$1" may-run follower
	exits 1 ctl "$2" may-run follower
}

step "the first election"
here fw1 fw2
step "maintenance"
ctl fw1 maintenance enter --wait
here fw2 fw1
ctl fw1 maintenance leave
here fw1 fw2
step "an interface goes down"
on fw1 ifconfig "$(if_of fw1 lan)" down
here fw2 fw1
on fw1 ifconfig "$(if_of fw1 lan)" up
here fw1 fw2
step "somebody stops it behind carpd's back"
rm "$CASE/fw1/active"
wait_for 15 "the service to run again" is_active fw1
step "carpd ends and leaves it running"
carpd_kill fw1 TERM
is_active fw1 || fail "the service stopped with carpd"
is "the state of the vhid" "$(state fw1 lan 1)" MASTER
