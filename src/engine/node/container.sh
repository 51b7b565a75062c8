# The first program of a container that holds a node's engine, for any POSIX shell. It ends with the engine, or with standard
# input, which is held by dbench; the container, its network apart, then removes itself.
# Environment: DAEMON, the engine's configuration.
set -eu

# Bound read-only for every container that is not privileged; the capability to change that is there.
while read -r _ dir _; do
  case $dir in /sys/fs/cgroup | /sys/fs/cgroup/*) mount -o remount,bind,rw "$dir" ;; esac
done </proc/mounts

# In the second version a group with processes in it takes no groups with limits below it: ours move to a group of their own.
groups=/sys/fs/cgroup
if [ -e "$groups/cgroup.controllers" ]; then
  mkdir -p "$groups/node"
  while read -r process; do echo "$process" >"$groups/node/cgroup.procs" 2>/dev/null || true; done <"$groups/cgroup.procs"
  tr ' ' '\n' <"$groups/cgroup.controllers" | while read -r controller; do
    echo "+$controller" >"$groups/cgroup.subtree_control" 2>/dev/null || true
  done
fi

printf '%s' "$DAEMON" >/run/node.json
exec 3<&0 </dev/null
dockerd --config-file /run/node.json 3<&- &
engine=$!
{
  cat <&3 >/dev/null
  kill -KILL "$engine"
} &
wait "$engine"
