# limit: 150
# Setting pfsync demotes the node until the states are copied. carpd names that part of the sum, and never takes it for its own.

need_module pf
need_module pfsync
pair lan sync
for n in fw1 fw2; do
	conf $n < /dev/null
	carpd_start $n
	# Without pf the bulk update is never answered, and takes 65 s.
	on $n pfctl -q -e
done
on fw2 ifconfig pfsync0 syncdev "$(if_of fw2 sync)" up
wait_for 90 "the end of fw2's bulk update" demotion_is fw2 0

step "nobody answers, because the peer's pf is off"
on fw2 pfctl -q -d
on fw1 ifconfig pfsync0 syncdev "$(if_of fw1 sync)" up
is "the kernel's demotion" "$(demotion fw1)" 240
wait_for 15 "the status to name the bulk update" says fw1 "pfsync bulk"
becomes fw2 lan 1 MASTER

step "maintenance in the middle of it adds up"
ctl fw1 maintenance enter
[ "$(demotion fw1)" -ge 480 ] || fail "the demotion is $(demotion fw1), not 240 and 240"
ctl fw1 maintenance leave
is "the kernel's demotion" "$(demotion fw1)" 240

step "the peer answers"
on fw2 pfctl -q -e
wait_for 80 "the end of the bulk update" demotion_is fw1 0
wait_for 15 "the status to forget it" says_not fw1 "pfsync bulk"
becomes fw1 lan 1 MASTER
