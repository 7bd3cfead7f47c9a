#!/bin/sh

# SPDX-License-Identifier: BSD-2-Clause
#
# Before carpd starts or reads its configuration again: the folders that only root may read, and the configuration.
#
# Templates are rendered into carpd.toml.new at every boot and every synchronisation, by whoever does that. It becomes
# carpd.toml only if carpd can use it: one with a mistake leaves the one that worked.
#
# usage: setup.sh [check]	With check: says what is wrong as JSON, exit 1 if the new one was not taken.

dir=/usr/local/etc/carpd
carpctl=/usr/local/sbin/carpctl

umask 077
mkdir -p "${dir}/scripts" /conf/carpd
chmod 0700 "${dir}" "${dir}/scripts" /conf/carpd

report='{"errors":0}'
if [ -f "${dir}/carpd.toml.new" ]; then
	chmod 0600 "${dir}/carpd.toml.new"
	report=$("${carpctl}" config check --json "${dir}/carpd.toml.new" 2> /dev/null)
	case ${report} in
	*'"errors": 0,'*)
		# The same content keeps its time, so that nobody reads it for nothing.
		if ! cmp -s "${dir}/carpd.toml.new" "${dir}/carpd.toml"; then
			cp "${dir}/carpd.toml.new" "${dir}/carpd.toml.next" && mv "${dir}/carpd.toml.next" "${dir}/carpd.toml"
		fi
		taken=0
		;;
	*)
		logger -t carpd -p daemon.err "carpd.toml.new cannot be used and was not taken: carpctl config check ${dir}/carpd.toml.new"
		taken=1
		;;
	esac
fi

if [ "$1" = "check" ]; then
	printf '%s\n' "${report:-null}"
	exit "${taken:-0}"
fi
exit 0
