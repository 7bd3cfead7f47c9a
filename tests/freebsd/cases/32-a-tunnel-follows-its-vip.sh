# A WireGuard tunnel is up where its VIP is and down elsewhere, whoever raises it and whatever becomes of carpd.

need_module if_wg
pair lan

wg_of() {
	if_of "$1" wg
}
is_up() {
	on "$1" ifconfig "$(wg_of "$1")" | grep -q -E '<UP,.*RUNNING'
}
is_down() {
	! on "$1" ifconfig "$(wg_of "$1")" | grep -q '<UP'
}

for n in fw1 fw2; do
	# As rc(8) leaves it: up on both.
	on $n ifconfig wg create name "$(wg_of $n)" > /dev/null
	on $n ifconfig "$(wg_of $n)" up
	conf $n <<-EOT
	[[service]]
	name = "tunnel"
	follows = ["1@$(if_of $n lan)"]
	[service.link]
	interface = "$(wg_of $n)"
	EOT
	carpd_start $n
done

# here NODE OTHER: it is up on the one and down on the other, and both daemons have seen so.
here() {
	ctl "$1" wait --timeout 60s --role active tunnel
	ctl "$2" wait --timeout 60s --role standby tunnel
	is_up "$1" || fail "carpd of $1 says that the tunnel is up, and it is not"
	is_down "$2" || fail "carpd of $2 says that the tunnel is down, and it is not"
}

step "it is up on the MASTER only"
here fw1 fw2
step "and moves with it"
ctl fw1 maintenance enter --wait
here fw2 fw1
step "raised by hand on the standby it is taken down again"
on fw1 ifconfig "$(wg_of fw1)" up
wait_for 10 "the tunnel of fw1 to be down" is_down fw1
ctl fw1 history | grep -q "somebody raised" || fail "it was not told"
step "taken down by hand on the active node it is raised again"
on fw2 ifconfig "$(wg_of fw2)" down
wait_for 10 "the tunnel of fw2 to be up" is_up fw2
step "destroyed and made anew it is raised as well"
on fw2 ifconfig "$(wg_of fw2)" destroy
says fw2 "absent" || fail "its absence is not told"
on fw2 ifconfig wg create name "$(wg_of fw2)" > /dev/null
wait_for 10 "the tunnel of fw2 to be up" is_up fw2
step "it stays when carpd ends"
carpd_kill fw1 TERM
carpd_kill fw2 TERM
is_up fw2 || fail "the tunnel went down with carpd"
step "without carpd a nudge takes it down where it does not belong, and raises none"
on fw1 ifconfig "$(wg_of fw1)" up
ctl fw1 nudge
is_down fw1 || fail "the nudge left it up"
on fw2 ifconfig "$(wg_of fw2)" down
ctl fw2 nudge
is_down fw2 || fail "the nudge raised it"
