# Vhids that somebody else makes, changes, renames and removes are seen by the daemon that runs, and a vanished interface is none of its deaths.

has_no_vhid() {
	says "$1" "no vhids"
}

cluster lan
node fw1 lan
address fw1 lan 10.1.0.11/24
i=$(if_of fw1 lan)
conf fw1 < /dev/null
step "no vhid at all"
carpd_start fw1
has "status" "$(ctl fw1 status)" "no vhids"

step "one is made"
vhid fw1 lan 7 0 10.1.0.7/24
sees fw1 "7@$i" MASTER

step "it is changed"
on fw1 ifconfig "$i" vhid 7 advskew 50
wait_for 10 "the new skew" ctl_has fw1 '"advskew": 50'

step "another address"
vip fw1 lan 7 10.1.0.8/24
wait_for 10 "the new address" says fw1 '10\.1\.0\.8'
sees fw1 "7@$i" MASTER

step "the interface is renamed"
on fw1 ifconfig "$i" name "${i}x" > /dev/null
wait_for 10 "the new name" ctl_has fw1 "\"interface\": \"${i}x\""
on fw1 ifconfig "${i}x" name "$i" > /dev/null
wait_for 10 "the old name again" ctl_has fw1 "\"interface\": \"$i\""

step "it is removed"
vip_gone fw1 lan 10.1.0.7
vip_gone fw1 lan 10.1.0.8
is "the kernel's vhid" "$(state fw1 lan 7)" absent
wait_for 10 "the vhid to be gone from the status" has_no_vhid fw1

step "the interface vanishes"
vhid fw1 lan 7 0 10.1.0.7/24
sees fw1 "7@$i" MASTER
jexec "$P" ifconfig fw1lan destroy
wait_for 10 "the vhid to be gone from the status" has_no_vhid fw1
carpd_runs fw1 || fail "carpd of fw1 has ended"
is "carpd's writes to the demotion" "$(demotion fw1)" 0
