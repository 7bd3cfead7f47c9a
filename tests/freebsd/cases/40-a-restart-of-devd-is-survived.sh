# alone
# The host's devd(8) restarts: carpd notices what happened meanwhile, and listens again afterwards.

[ "$HOST_DEVD" = yes ] || skip "restarts the host's devd(8); allow it with --host-devd"
need_devd
pair lan
for n in fw1 fw2; do
	conf $n < /dev/null
	carpd_start $n
done

devd_gone() {
	! pgrep -q -x devd
}
devd_there() {
	pgrep -q -x devd
}

step "a failover while devd is gone"
service devd onestop > /dev/null
wait_for 10 "the end of devd" devd_gone
on fw1 ifconfig "$(if_of fw1 lan)" down
becomes fw2 lan 1 MASTER
sees fw2 "1@$(if_of fw2 lan)" MASTER
sees fw1 "1@$(if_of fw1 lan)" INIT

step "devd is back"
service devd onestart > /dev/null
wait_for 10 "devd" devd_there
for n in fw1 fw2; do
	wait_for 15 "carpd of $n to listen again" ctl_has $n '"connected": true'
done
on fw1 ifconfig "$(if_of fw1 lan)" up
sees fw1 "1@$(if_of fw1 lan)" MASTER
sees fw2 "1@$(if_of fw2 lan)" BACKUP
carpd_runs fw1 || fail "carpd of fw1 has ended"
