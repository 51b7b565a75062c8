# The first program of a relay, for any POSIX shell with socat: it listens in the network of the engine's machine, and says of each
# connection at which socket it waits for the program that dbench runs beside it. It ends with standard input, which is held by
# dbench; the container then removes itself.
# Environment: ADDRESS, PORT, where to listen; PATIENCE, how many seconds one half of a connection may outlive the other.
set -eu

folder=$(mktemp -d)
cat >"$folder/wait" <<'END'
echo "connection $1/$$" >&3
exec socat -t "$PATIENCE" - "UNIX-LISTEN:$1/$$"
END

exec 3>&1 4<&0 </dev/null
{
  cat <&4 >/dev/null
  kill $$
} &
exec socat -d -d -t "$PATIENCE" "TCP-LISTEN:$PORT,bind=$ADDRESS,fork,reuseaddr,backlog=128" "EXEC:sh $folder/wait $folder"
