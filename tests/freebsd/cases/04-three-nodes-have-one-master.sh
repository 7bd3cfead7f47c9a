# Of three nodes the best one that is left is MASTER, and each daemon knows who it is not.

cluster lan
for n in 1 2 3; do
	node fw$n lan
	address fw$n lan 10.1.0.1$n/24
	vhid fw$n lan 1 $(((n - 1) * 100)) 10.1.0.1/24
	follower fw$n "1@$(if_of fw$n lan)" | conf fw$n
	carpd_start fw$n
done

# only NODE OTHER...: the one is MASTER and runs the service, the others do not.
only() {
	local master other

	master=$1
	shift
	becomes "$master" lan 1 MASTER
	wait_for 20 "the service to run on $master" is_active "$master"
	for other in "$@"; do
		becomes "$other" lan 1 BACKUP
		wait_for 20 "the service to stand by on $other" is_standby "$other"
		exits 1 ctl "$other" is-master "1@$(if_of "$other" lan)"
	done
}

step "the first is the best"
only fw1 fw2 fw3
step "it leaves, and the second follows"
ctl fw1 maintenance enter --wait
only fw2 fw1 fw3
step "that one loses its power"
node_off fw2
only fw3 fw1
step "the first comes back"
ctl fw1 maintenance leave
only fw1 fw3
