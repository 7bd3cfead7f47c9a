#!/bin/sh

# SPDX-License-Identifier: BSD-2-Clause
#
# The plugins project's own checks (make lint), on a copy of its tree in which this plugin is net/carpd, with the core beside it.
# usage: OPNSENSE_CORE=... OPNSENSE_PLUGINS=... plugins_lint.sh
set -eu
make=$(command -v bmake || command -v make)
scratch=$(mktemp -d)
trap 'rm -rf "${scratch}"' EXIT
mkdir -p "${scratch}/plugins/net" "${scratch}/bin"
for part in Mk Scripts Templates Keywords; do
	cp -R "${OPNSENSE_PLUGINS}/${part}" "${scratch}/plugins/${part}"
done
cp -R "$(dirname "$0")/../../opnsense-plugin" "${scratch}/plugins/net/carpd"
mkdir "${scratch}/core"
for part in contrib src; do
	ln -s "${OPNSENSE_CORE}/${part}" "${scratch}/core/${part}"
done
# FreeBSD's sh knows "==", dash does not.
cp -R "${OPNSENSE_CORE}/Mk" "${OPNSENSE_CORE}/Scripts" "${scratch}/core"
sed -i 's| == | = |' "${scratch}"/core/Scripts/*.sh

# Their scripts mean BSD's find: -s sorts, and -depth may have a number.
cat >"${scratch}/bin/find" <<'SHIM'
#!/bin/sh
sorted= start= rest=
[ "$1" != -s ] || { sorted=1; shift; }
while [ $# -gt 0 ]; do
	case $1 in
	-depth)	case ${2:-} in [0-9]*) rest="${rest} -mindepth $2 -maxdepth $2"; shift ;; esac ;;
	-*|'!'|'(')	break ;;
	*)	start="${start} $1" ;;
	esac
	shift
done
set -- "$@"
args=
while [ $# -gt 0 ]; do
	case $1 in
	-depth)	case ${2:-} in [0-9]*) rest="${rest} -mindepth $2 -maxdepth $2"; shift ;; esac ;;
	*)	args="${args} '$1'" ;;
	esac
	shift
done
if [ -n "${sorted}" ]; then
	eval "/usr/bin/find ${start} ${rest} ${args}" | sort
else
	eval "/usr/bin/find ${start} ${rest} ${args}"
fi
SHIM
chmod 755 "${scratch}/bin/find"
(
	cd "${scratch}/plugins"
	git init -q .
	git add -A
	git -c user.name=x -c user.email=x@localhost commit -qm x
)
cd "${scratch}/plugins/net/carpd"
failed=0
for target in lint-desc lint-shell lint-xml lint-model lint-acl lint-class lint-import lint-exec lint-php plist; do
	if ! said=$(PATH="${scratch}/bin:${PATH}" "${make}" "${target}" PLUGIN_PHP=85 PLUGIN_PYTHON=313 2>&1); then
		failed=1
		echo "make ${target} failed:"
	fi
	case ${target} in
	plist)	;;
	# What it runs, each with its name; complaints are all else.
	lint-exec)	printf '%s\n' "${said}" | grep -v '^test -x' || true ;;
	*)	printf '%s\n' "${said}" ;;
	esac
done
exit "${failed}"
