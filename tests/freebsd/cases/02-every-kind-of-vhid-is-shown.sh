# IPv4, IPv6, link-local and unicast vhids are seen and followed; a VRRP vhid is shown as what it is.

pair lan
l1=$(if_of fw1 lan) l2=$(if_of fw2 lan)
for n in fw1 fw2; do
	conf $n < /dev/null
	carpd_start $n
done

step "IPv6 and link-local, on vhid 2, preferred by fw2"
vhid fw1 lan 2 100 2001:db8:1::1/64 "fe80::2:1/64"
vhid fw2 lan 2 0 2001:db8:1::1/64 "fe80::2:1/64"
becomes fw2 lan 2 MASTER
becomes fw1 lan 2 BACKUP
sees fw2 "2@$l2" MASTER
sees fw1 "2@$l1" BACKUP
SAID=$(ctl fw1 status)
has "status" "$SAID" "2001:db8:1::1"
has "status" "$SAID" "fe80:.*2:1"

step "unicast, on vhid 3"
on fw1 ifconfig "$l1" vhid 3 peer 10.1.0.12 pass of-the-suite
vip fw1 lan 3 10.1.0.3/24
on fw2 ifconfig "$l2" vhid 3 advskew 100 peer 10.1.0.11 pass of-the-suite
vip fw2 lan 3 10.1.0.3/24
becomes fw1 lan 3 MASTER
becomes fw2 lan 3 BACKUP
sees fw1 "3@$l1" MASTER
sees fw2 "3@$l2" BACKUP

step "all of them move with the node, because demotion is the node's"
ctl fw1 maintenance enter --reason "the suite" --wait
sees fw2 "1@$l2" MASTER
sees fw2 "3@$l2" MASTER
ctl fw1 maintenance leave
sees fw1 "1@$l1" MASTER
sees fw1 "3@$l1" MASTER

if on fw1 ifconfig "$l1" vhid 4 carpver 3 vrrpprio 150; then
	step "VRRP, on vhid 4"
	vip fw1 lan 4 10.1.0.4/24
	becomes fw1 lan 4 MASTER
	wait_for 15 "the status to have vhid 4" ctl_has fw1 '"vhid": 4'
	has "status" "$(ctl fw1 status)" VRRP
	note "with VRRP"
else
	note "this kernel has no VRRP"
fi

step "no key anywhere"
for n in fw1 fw2; do
	has_not "status --json" "$(ctl $n status --json)" of-the-suite
	has_not "the log" "$(cat "$CASE/$n/log")" of-the-suite
	has_not "the state" "$(cat "$CASE/$n"/state/*)" of-the-suite
done
