#!/bin/sh
# Prints the packing list of what lies below STAGE, in the order of the paths, as port/pkg-plist has it.
#
# usage: plist.sh STAGE
set -eu
cd "$1/usr/local"
export LC_ALL=C

find . -type f | sort | while read -r file; do
	case $file in
	# The file without .sample is made from it where it is missing.
	*.sample) printf '@sample(,,640) %s\n' "${file#./}" ;;
	*) printf '%s\n' "${file#./}" ;;
	esac
done
# Only a folder of its own belongs to a package; the others are everybody's.
find . -type d \( -name carpd -o -path '*/carpd/*' \) ! -path './etc/rc.conf.d/*' | sort | while read -r folder; do
	case $(ls -ld "$folder") in
	drwxr-x---*) printf '@dir(,,750) %s\n' "${folder#./}" ;;
	*) printf '@dir %s\n' "${folder#./}" ;;
	esac
done
