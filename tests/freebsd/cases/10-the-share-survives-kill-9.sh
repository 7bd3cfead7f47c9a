# carpd's death and start change no CARP state, its share is found again, and foreign demotion is never altered.

pair lan
for n in fw1 fw2; do
	conf $n < /dev/null
	carpd_start $n
done
events_start

step "death and start of a carpd that wants nothing"
carpd_kill fw1
carpd_start fw1
carpd_kill fw2 TERM
carpd_start fw2
is "transitions of fw1" "$(events fw1 lan 1)" ""
is "transitions of fw2" "$(events fw2 lan 1)" ""
is "the demotion" "$(demotion fw1)" 0

step "maintenance on top of somebody's 32"
demote fw1 32
ctl fw1 maintenance enter --reason "the suite" --wait
sum=$(demotion fw1)
# The low four bits carry a mark that tells after a crash whether the write landed.
if [ "$sum" -le 272 ] || [ "$sum" -ge 288 ]; then
	fail "the demotion is $sum, not 32 + 240 and a mark below 16"
fi
carpd_kill fw1
is "the demotion without carpd" "$(demotion fw1)" "$sum"
becomes fw2 lan 1 MASTER

step "somebody adds 64 while carpd is dead"
demote fw1 64
carpd_start fw1
is "the demotion after the start" "$(demotion fw1)" $((sum + 64))
has "maintenance show" "$(ctl fw1 maintenance show)" "the suite"
why=$(ctl fw1 why)
has "why" "$why" "240"
has "why" "$why" "96"

step "leaving takes back carpd's own share and no more"
ctl fw1 maintenance leave
is "the demotion" "$(demotion fw1)" 96
demote fw1 -96
becomes fw1 lan 1 MASTER
wait_for 10 "the status to have no foreign demotion" says_not fw1 unattributed
has "status -x" "$(ctl fw1 status -x)" "all is well"
