#!/bin/sh

# SPDX-License-Identifier: BSD-2-Clause
#
# What the status API asks. configd gives an empty argument where there is none.

carpctl=/usr/local/sbin/carpctl
carpd_toml=/usr/local/etc/carpd/carpd.toml
config_xml=/conf/config.xml

# A document that a crash has cut off would spoil the others.
document()
{
	_text=$("$@" 2> /dev/null)
	case ${_text} in
	"{"*"}")	printf '%s' "${_text}" ;;
	*)	printf 'null' ;;
	esac
}

case $1 in
history)
	exec "${carpctl}" history --json --limit "${2:-100}"
	;;
check)
	text=$("${carpctl}" check 2>&1)
	printf '%s\n%s\n' "$?" "${text}"
	;;
why)
	if [ -n "$2" ]; then
		exec "${carpctl}" --color never why "$2" 2>&1
	fi
	exec "${carpctl}" --color never why 2>&1
	;;
explain)
	exec "${carpctl}" explain "$2" 2>&1
	;;
config_check)
	printf '['
	document "${carpctl}" config check --json "${carpd_toml}"
	printf ','
	document "${carpctl}" config check --json "${config_xml}"
	printf ']\n'
	;;
config_check_peer)
	# Only a file that the web server has put there; as root, any other could be read by way of a link.
	case $2 in
	*/../*)	exit 64 ;;
	/tmp/carpd_peer_*)	;;
	*)	exit 64 ;;
	esac
	if [ ! -f "$2" ] || [ -L "$2" ]; then
		exit 64
	fi
	printf '['
	document "${carpctl}" config check --json --peer "$2" "${config_xml}"
	printf ']\n'
	;;
*)
	exit 64
	;;
esac
