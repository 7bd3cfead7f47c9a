#!/bin/sh

# SPDX-License-Identifier: BSD-2-Clause
#
# Makes carpd follow what was rendered, without moving a VIP: a reload where it runs, a start where it does not. Prints the
# report of the configuration check, and nothing is reloaded where that has errors.

setup=/usr/local/opnsense/scripts/carpd/setup.sh
rc=/usr/local/etc/rc.d/carpd

report=$("${setup}" check)
result=$?
if [ "${result}" -eq 0 ]; then
	if "${rc}" status > /dev/null 2>&1; then
		# Nobody waits for the end of what is started here, so it must not hold on to the output.
		"${rc}" reload > /dev/null 2>&1 < /dev/null || result=2
	else
		"${rc}" start > /dev/null 2>&1 < /dev/null || result=3
	fi
fi
printf '%s\n%s\n' "${result}" "${report}"
