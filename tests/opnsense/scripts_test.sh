#!/bin/sh

# SPDX-License-Identifier: BSD-2-Clause
#
# The plugin's shell scripts and hooks, on a folder that takes the place of "/", with stand-ins for carpctl and rc(8).
# usage: scripts_test.sh

set -u
plugin=$(cd "$(dirname "$0")/../../opnsense-plugin/src" && pwd)
root=$(mktemp -d)
trap 'rm -rf "${root}"' EXIT
failed=0

# $1 what was promised, $2 what came, $3 what should have
same()
{
	if [ "$2" != "$3" ]; then
		printf 'FAILED: %s\n  came:   %s\n  wanted: %s\n' "$1" "$2" "$3" >&2
		failed=1
	fi
}

mkdir -p "${root}/usr/local/sbin" "${root}/usr/local/etc/rc.d" "${root}/etc/rc.conf.d" "${root}/conf" "${root}/tmp" "${root}/bin"
(cd "${plugin}" && find etc opnsense/scripts -type f) | while read -r file; do
	mkdir -p "${root}/usr/local/$(dirname "${file}")"
	sed -e "s|/usr/local/|${root}/usr/local/|g" -e "s|\([ =]\)/conf|\1${root}/conf|g" -e "s|/etc/rc.conf.d|${root}/etc/rc.conf.d|g" \
		-e "s|/tmp/carpd_peer_|${root}/tmp/carpd_peer_|" "${plugin}/${file}" >"${root}/usr/local/${file}"
	chmod 755 "${root}/usr/local/${file}"
done
log=${root}/log

# Says what it was called with; its judgement of a configuration is what stands in the configuration.
cat >"${root}/usr/local/sbin/carpctl" <<-EOF
	#!/bin/sh
	echo "carpctl \$*" >>"${log}"
	case "\$*" in
	*"config check"*)	for last; do :; done; grep -q bad "\${last}" && { echo '{ "errors": 1, "findings": [] }'; exit 2; }
		echo '{ "errors": 0, "findings": [] }' ;;
	check)	echo "CARP WARNING - demoted"; exit 1 ;;
	nudge)	sleep 5 ;;
	esac
EOF
for script in carpd carpd_early carpd_drain; do
	cat >"${root}/usr/local/etc/rc.d/${script}" <<-EOF
		#!/bin/sh
		echo "${script} \$*" >>"${log}"
		[ "\$1" != status ] || [ -f "${root}/running" ]
	EOF
done
printf '#!/bin/sh\necho "configctl $*" >>"%s"\n' "${log}" >"${root}/usr/local/sbin/configctl"
printf '#!/bin/sh\n' >"${root}/bin/logger"
printf '#!/bin/sh\necho "maintenance $*" >>"%s"\n' "${log}" >"${root}/usr/local/opnsense/scripts/carpd/maintenance.php"
chmod 755 "${root}"/usr/local/sbin/* "${root}"/usr/local/etc/rc.d/* "${root}"/bin/*
PATH=${root}/bin:${PATH}
dir=${root}/usr/local/etc/carpd
scripts=${root}/usr/local/opnsense/scripts/carpd
hooks=${root}/usr/local/etc/rc.syshook.d
calls() { tr '\n' ';' <"${log}" | sed "s|${root}||g"; : >"${log}"; }
: >"${log}"

# A configuration with a mistake never takes the place of one that works, and only root can read either.
"${scripts}/setup.sh"
same "folders for root alone" "$(stat -c %a "${dir}" "${dir}/scripts" "${root}/conf/carpd" | tr '\n' ' ')" "700 700 700 "
echo good >"${dir}/carpd.toml.new"
"${scripts}/setup.sh"
same "a good configuration is taken" "$(cat "${dir}/carpd.toml")" good
same "for root alone" "$(stat -c %a "${dir}/carpd.toml" "${dir}/carpd.toml.new" | tr '\n' ' ')" "600 600 "
touch -d '2001-01-01' "${dir}/carpd.toml"
"${scripts}/setup.sh"
same "the same content is no change" "$(stat -c %Y "${dir}/carpd.toml")" "$(date -d '2001-01-01' +%s)"
echo bad >"${dir}/carpd.toml.new"
"${scripts}/setup.sh"
same "a bad one at boot is no failure" "$?" 0
same "a bad one is not taken" "$(cat "${dir}/carpd.toml")" good
calls >/dev/null

# Applying: a reload where it runs, a start where it does not, nothing with a mistake.
same "the report is passed on" "$("${scripts}/apply.sh" | tr '\n' ' ')" '1 { "errors": 1, "findings": [] } '
same "nothing is touched" "$(calls)" "carpctl config check --json /usr/local/etc/carpd/carpd.toml.new;"
echo better >"${dir}/carpd.toml.new"
same "applied" "$("${scripts}/apply.sh" | head -n 1)" 0
same "started" "$(calls)" "carpctl config check --json /usr/local/etc/carpd/carpd.toml.new;carpd status;carpd start;"
: >"${root}/running"
"${scripts}/apply.sh" >/dev/null
same "reloaded" "$(calls)" "carpctl config check --json /usr/local/etc/carpd/carpd.toml.new;carpd status;carpd reload;"

# The CARP hook gets core's arguments, holds nothing open, and does not wait.
before=$(date +%s)
same "it says nothing" "$("${hooks}/carp/50-carpd" 1@vtnet0 MASTER 2>&1)" ""
same "it does not wait" "$(($(date +%s) - before < 4))" 1
same "it only pokes" "$(calls)" "carpctl nudge;"
mv "${dir}/carpd.toml" "${dir}/away"
"${hooks}/carp/50-carpd" 1@vtnet0 BACKUP
same "without carpd it does nothing" "$?:$(calls)" "0:"
mv "${dir}/away" "${dir}/carpd.toml"
"${hooks}/config/50-carpd" /conf/backup/config-1.xml
same "a saved configuration" "$(calls)" "configctl -dq carpd maintenance watch;"

# Boot and shutdown, only where it is enabled.
for hook in early/95-carpd stop/10-carpd; do
	"${hooks}/${hook}" >/dev/null
	echo 'carpd_enable="NO"' >"${root}/etc/rc.conf.d/carpd"
	"${hooks}/${hook}" >/dev/null
	rm "${root}/etc/rc.conf.d/carpd"
	same "${hook} without carpd" "$?:$(calls)" "0:"
done
echo 'carpd_enable="YES"' >"${root}/etc/rc.conf.d/carpd"
"${hooks}/early/95-carpd" >/dev/null
same "early" "$(calls)" "carpctl config check --json /usr/local/etc/carpd/carpd.toml.new;maintenance repair;carpd_early start;"
"${hooks}/stop/10-carpd" >/dev/null
same "stop" "$(calls)" "carpd_drain stop;"

# What the API asks.
same "the judgement with its code" "$("${scripts}/query.sh" check | tr '\n' '|')" "1|CARP WARNING - demoted|"
calls >/dev/null
"${scripts}/query.sh" why "" && "${scripts}/query.sh" why 1@vtnet0
same "why" "$(calls)" "carpctl --color never why;carpctl --color never why 1@vtnet0;"
echo x >"${root}/tmp/carpd_peer_1"
ln -s /etc/passwd "${root}/tmp/carpd_peer_link"
same "both nodes" "$("${scripts}/query.sh" config_check_peer "${root}/tmp/carpd_peer_1")" '[{ "errors": 0, "findings": [] }]'
for file in /etc/passwd "${root}/tmp/carpd_peer_link" "${root}/tmp/carpd_peer_x/../../../etc/passwd" "${root}/tmp/carpd_peer_none"; do
	same "not ${file}" "$("${scripts}/query.sh" config_check_peer "${file}")" ""
done

exit "${failed}"
