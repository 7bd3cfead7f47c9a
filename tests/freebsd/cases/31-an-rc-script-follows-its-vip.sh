# A real script of rc(8) is started and stopped by service(8) although nothing in rc.conf enables it.

RC=/usr/local/etc/rc.d/${P}_service
[ -d /usr/local/etc/rc.d ] || skip "there is no /usr/local/etc/rc.d"

pair lan
remember_file "$RC"
# The jails share the file system, so one script serves both nodes; the host name tells them apart.
cat > "$RC" <<EOT
#!/bin/sh
# PROVIDE: ${P}_service
# Left behind by carpd's suite if it is still here; delete it.
. /etc/rc.subr
name="${P}_service"
rcvar="${P}_service_enable"
load_rc_config \$name
: \${${P}_service_enable:="NO"}
pidfile="$CASE/\$(hostname)/service.pid"
procname="/bin/sleep"
command="/usr/sbin/daemon"
command_args="-f -p \$pidfile /bin/sleep 3600"
run_rc_command "\$1"
EOT
chmod 555 "$RC"

for n in fw1 fw2; do
	conf $n <<-EOT
	[[service]]
	name = "daemon"
	follows = ["1@$(if_of $n lan)"]
	settle = "1s"
	[service.rc]
	script = "${P}_service"
	EOT
	carpd_start $n
done

runs() {
	pgrep -q -j "$P.$1" -F "$CASE/$1/service.pid" sleep 2>/dev/null
}
runs_not() {
	! runs "$1"
}

# here NODE OTHER: it runs on the one and not on the other, and both daemons have seen so.
here() {
	ctl "$1" wait --timeout 60s --role active daemon
	ctl "$2" wait --timeout 60s --role standby daemon
	runs "$1" || fail "carpd of $1 says that the service runs, and it does not"
	runs_not "$2" || fail "carpd of $2 says that the service does not run, and it does"
}

step "it runs on the MASTER only"
here fw1 fw2
step "and moves with it"
ctl fw1 maintenance enter --wait
here fw2 fw1
step "and comes back, the way it went"
ctl fw1 maintenance leave
here fw1 fw2
step "a crash is found"
kill -9 "$(cat "$CASE/fw1/service.pid")"
wait_for 60 "the service to run again on fw1" runs fw1
here fw1 fw2
step "it stays when carpd ends"
carpd_kill fw1 TERM
carpd_kill fw2 TERM
runs fw1 || fail "the service ended with carpd"
kill "$(cat "$CASE/fw1/service.pid")"
