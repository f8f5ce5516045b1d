# Ends what a run of tests has left behind. Given to `sh -c`; arguments: the state folder, the idle seconds, and
# the seconds for which databases of failed tests (STATE/kept) hold the server.
#
# Every test process holds a shared lock on STATE/lease, and the kernel drops it however the process ends. Once
# nobody has held it for the idle time, the things named in STATE/owned are ended and the folder is removed, all
# of it under an exclusive lock on the lease, so that a run which starts meanwhile waits and then begins anew.
#
# STATE/owned has one thing a line, written before the thing is made:
#   folder PATH       removed
#   server PATH       the server whose data directory this is, stopped
#   container NAME    removed with its volumes (engine: docker's or podman's socket in STATE/engine)
#   database NAME     dropped from the server of RUNBOOK_DATABASE_URL (its environment is in STATE/psql)
state=$1
idle=$2
keep=$3

# One watcher a state folder. Children must not inherit this lock: it says that *this* process lives.
exec 8>>"$state/watch" 9>>"$state/lease" || exit 1

# lock FLAGS FD: flock(1) where there is one (Linux), perl's where there is none (macOS). A blocked child must not
# hold 8 as well: it would outlive a killed watcher and look like one.
if command -v flock >/dev/null 2>&1; then
  lock() { if [ "$2" = 8 ]; then flock $1 8; else flock $1 9 8>&-; fi; }
else
  by_perl() { perl -e 'open(my $f, "<&=", $ARGV[0]) or exit 1; exit(flock($f, $ARGV[1]) ? 0 : 1)' "$@"; }
  lock() {
    case $1 in
    *n*) flags=6 ;;
    *u*) flags=8 ;;
    *) flags=2 ;;
    esac
    if [ "$2" = 8 ]; then by_perl 8 "$flags"; else by_perl 9 "$flags" 8>&-; fi
  }
fi
lock -xn 8 || exit 0

modified() { stat -c %Y "$state/lease" 2>/dev/null || stat -f %m "$state/lease" 2>/dev/null; }

limit() {
  if [ "$keep" -gt "$idle" ] && [ -n "$(ls "$state/kept" 2>/dev/null)" ]; then echo "$keep"; else echo "$idle"; fi
}

stop_server() {
  pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null) || return
  [ -n "$pid" ] || return
  # The number alone proves nothing: the process must stand in this data directory, or hold its own name.
  here=$(readlink "/proc/$pid/cwd" 2>/dev/null)
  if [ -n "$here" ]; then
    [ "$here" = "$1" ] || return
  else
    ps -p "$pid" -o command= 2>/dev/null | grep -F -q -- "$1" || return
  fi
  kill -QUIT "$pid" 2>/dev/null
  tries=0
  while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 100 ]; do
    sleep 0.05 8>&- 9>&-
    tries=$((tries + 1))
  done
  # A killed server leaves its System V segment behind; its number stands in the file that it leaves too.
  segment=$(sed -n 's/^ *[0-9][0-9]* *\([0-9][0-9]*\) *$/\1/p' "$1/postmaster.pid" 2>/dev/null | tail -n 1)
  kill -KILL "$pid" 2>/dev/null
  [ -n "$segment" ] && ipcrm -m "$segment" 2>/dev/null
}

remove_container() {
  engine=$(cat "$state/engine" 2>/dev/null)
  path="/containers/$1?force=true&v=true"
  if command -v curl >/dev/null 2>&1 && [ "${engine#unix://}" != "$engine" ]; then
    curl -s -X DELETE --max-time 30 --unix-socket "${engine#unix://}" "http://engine$path" >/dev/null && return
  fi
  for program in docker podman; do
    command -v "$program" >/dev/null 2>&1 || continue
    if [ "$program" = docker ] && [ -n "$engine" ]; then
      DOCKER_HOST=$engine docker rm -f -v "$1" >/dev/null 2>&1 && return
    else
      "$program" rm -f -v "$1" >/dev/null 2>&1 && return
    fi
  done
  [ "${engine#unix://}" = "$engine" ] || perl -MIO::Socket::UNIX -e '
    my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or exit 1;
    print $s "DELETE $ARGV[1] HTTP/1.0\r\nHost: engine\r\n\r\n"; my @answer = <$s>;' "${engine#unix://}" "$path"
}

drop_database() {
  command -v psql >/dev/null 2>&1 || return 1
  # shellcheck disable=SC1091
  (. "$state/psql" && psql -q -c "DROP DATABASE IF EXISTS \"$1\" WITH (FORCE)" >/dev/null 2>&1)
}

while :; do
  # Blocks until no process has a share; waits as long as a run takes, and costs nothing.
  lock -x 9 || exit 1
  lock -u 9
  quiet=0
  before=$(modified)
  while [ "$quiet" -lt "$(limit)" ]; do
    sleep 1 8>&- 9>&-
    # A run that came and went starts the idle time again.
    now=$(modified)
    if [ "$now" != "$before" ]; then
      before=$now
      quiet=0
    else
      quiet=$((quiet + 1))
    fi
    [ -e "$state/lease" ] || exit 0
  done
  lock -xn 9 || continue
  [ "$(modified)" = "$before" ] && break
  lock -u 9
done

# Under the exclusive lock from here on. Servers before folders.
if [ -f "$state/owned" ]; then
  left=
  while read -r kind what; do
    case $kind in
    server) stop_server "$what" ;;
    container) remove_container "$what" ;;
    database) drop_database "$what" || left="$left$what " ;;
    esac
  done <"$state/owned"
  while read -r kind what; do
    [ "$kind" = folder ] && [ -n "$what" ] && rm -rf -- "$what"
  done <"$state/owned"
fi
if [ -n "${left:-}" ]; then
  # Without psql here: the next run drops them, and needs to know their names.
  rm -f -- "$state/server.json"
else
  rm -rf -- "$state"
fi
