#!/bin/sh
# Drives the profile "postgresql" on a real pair of PostgreSQL servers: the standby is left alone until it is promoted, the old
# primary is stopped and stays so, and no row is lost on the way.
set -eu
cd "$(dirname "$0")/../.."

if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql
fi
PATH=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1):$PATH

place=$(mktemp -d)
cp packaging/libexec/postgresql "$place"
chown -R postgres "$place"
trap 'rm -rf "$place"' EXIT

cat >"$place/story" <<'STORY'
set -eu
cd "$1"
trap 'for node in a b; do pg_ctl stop -D $node -m immediate >/dev/null 2>&1 || true; done' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
primary() { ./postgresql is-primary "$PWD/$1"; }
sql() { psql -h "$PWD" -p "$1" -Atqc "$2" postgres; }

initdb -D a -A trust >/dev/null
printf "port = 54321\nlisten_addresses = ''\nunix_socket_directories = '$PWD'\n" >>a/postgresql.conf
pg_ctl start -D a -l a.log -w >/dev/null
pg_basebackup -h "$PWD" -p 54321 -D b -R -X stream -C -S b >/dev/null
sed -i 's/54321/54322/' b/postgresql.conf
pg_ctl start -D b -l b.log -w >/dev/null

primary a || fail "the primary is not seen as one"
! primary b || fail "the standby is taken for a primary"
./postgresql stop "$PWD/b"
pg_ctl status -D b >/dev/null || fail "a standby was stopped"

sql 54321 'create table t (i int); insert into t values (1)'
at=$(sql 54321 'select pg_current_wal_lsn()')
until [ "$(sql 54322 "select pg_last_wal_replay_lsn() >= '$at'")" = t ]; do sleep 0.1; done
./postgresql stop "$PWD/a"
! primary a || fail "the old primary still runs"
./postgresql promote "$PWD/b"
primary b || fail "the standby was not promoted"
./postgresql promote "$PWD/b" || fail "a second promotion is no error"
[ "$(sql 54322 'insert into t values (2); select count(*) from t')" = 2 ] || fail "rows were lost"
! ./postgresql promote "$PWD/a" 2>/dev/null || fail "a server that does not run was promoted"
! pg_ctl status -D a >/dev/null || fail "the old primary was started"
echo "PostgreSQL $(psql --version | cut -d " " -f 3): handed over without a loss"
STORY
runuser -u postgres -- env PATH="$PATH" LC_ALL=C sh "$place/story" "$place"
