# Parameters, addresses and vhids are changed and removed by apply as the plan says; what the file does not name stays, a live vhid is not
# bounced without a word, and an interface that somebody took down stays down.

need_command plan
need_command apply
cluster lan
node fw1 lan
address fw1 lan 10.1.0.11/24
i=$(if_of fw1 lan)
printf 'of-the-suite\n' > "$CASE/fw1/password"
chmod 600 "$CASE/fw1/password"

# one VHID ADVSKEW ADDRESSES
one() {
	cat <<-EOT
	[[vips.vhid]]
	interface = "$i"
	vhid = $1
	advskew = $2
	password_file = "$CASE/fw1/password"
	addresses = [$3]
	EOT
}
static() {
	{
		printf '[vips]\nsource = "static"\n'
		cat
	} | conf fw1
}

step "made"
{ one 1 0 '"10.1.0.1/24"'; one 2 0 '"10.1.0.2/24", "2001:db8:1::2/64"'; } | static
exits 0 ctl fw1 apply
becomes fw1 lan 1 MASTER
becomes fw1 lan 2 MASTER
vhid fw1 lan 9 0 10.1.0.9/24
becomes fw1 lan 9 MASTER
exits 0 ctl fw1 plan
events_start

step "another skew bounces nothing"
{ one 1 50 '"10.1.0.1/24"'; one 2 0 '"10.1.0.2/24", "2001:db8:1::2/64"'; } | static
exits 2 ctl fw1 plan
exits 0 ctl fw1 apply
has "the interface" "$(on fw1 ifconfig "$i")" "vhid 1 advbase 1 advskew 50"
is "the transitions of vhid 1" "$(events fw1 lan 1)" ""
is "the state" "$(state fw1 lan 1)" MASTER

step "an address more is refused on a live vhid"
{ one 1 50 '"10.1.0.1/24", "10.1.0.3/24"'; one 2 0 '"10.1.0.2/24", "2001:db8:1::2/64"'; } | static
exits 2 ctl fw1 plan
has "the plan" "$SAID" '10\.1\.0\.3'
exits 4 ctl fw1 apply
has_not "the interface" "$(on fw1 ifconfig "$i")" '10\.1\.0\.3 '
is "the transitions of vhid 1" "$(events fw1 lan 1)" ""

step "and made with --force"
exits 0 ctl fw1 apply --force
becomes fw1 lan 1 MASTER
has "the interface" "$(on fw1 ifconfig "$i")" '10\.1\.0\.3 .*vhid 1'
is "the transitions of vhid 1" "$(events fw1 lan 1)" "INIT BACKUP MASTER"
is "the transitions of vhid 2" "$(events fw1 lan 2)" ""

step "a vhid that the file does not name stays until it is named"
one 1 50 '"10.1.0.1/24", "10.1.0.3/24"' | static
exits 0 ctl fw1 plan
has "the plan" "$SAID" "2@$i"
exits 0 ctl fw1 apply
is "vhid 2" "$(state fw1 lan 2)" MASTER
exits 0 ctl fw1 apply --force --remove "2@$i"
is "vhid 2" "$(state fw1 lan 2)" absent
has_not "the interface" "$(on fw1 ifconfig "$i")" '2001:db8:1::2'
is "vhid 9" "$(state fw1 lan 9)" MASTER
is "the transitions of vhid 9" "$(events fw1 lan 9)" ""

step "an interface that is down is not raised"
on fw1 ifconfig "$i" down
wait_for 10 "vhid 1 to be INIT" in_state fw1 lan 1 INIT
{ one 1 50 '"10.1.0.1/24", "10.1.0.3/24"'; one 5 0 '"10.1.0.5/24"'; } | static
rc=0
SAID=$(ctl fw1 apply 2>&1) || rc=$?
[ "$rc" != 0 ] || fail "apply says that all is done on an interface that is down"
has "apply" "$SAID" "down"
has_not "the interface" "$(on fw1 ifconfig "$i" | head -1)" "[<,]UP[,>]"
on fw1 ifconfig "$i" up
exits 0 ctl fw1 apply
becomes fw1 lan 5 MASTER

has_not "the plan as JSON" "$(ctl fw1 plan --json)" "of-the-suite"
