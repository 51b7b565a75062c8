#!/bin/bash
# The supervisor of a private node: makes its network and its link, starts its engine, and takes everything away again when
# standard input ends, which is when dbench ends, however that comes about. It sits in the node's network and, apart from that,
# in the host's namespaces.
#
# Environment: FOLDER (the node's own, removed at the end), LINK (name of the host's end), SUBNET, HOST_END and NODE_END (a /30 and
# its two addresses), CGROUP (a name), STORE (`disk`, or a size: then the store is a tmpfs), ROOT (a root file system with another
# engine, or empty). FOLDER holds life.sh and daemon.json.
# Standard input: the word `empty` on a line throws the store away. Standard output: `started` when an engine has been started,
# `ended` when one has ended.
set -euo pipefail
trap '' INT HUP TERM QUIT # only the end of standard input ends a node

# With itself in the new network and the host's at hand the script needs no holder process; a network ends with its last process.
if [ "${1-}" != inside ]; then
  exec 4</proc/self/ns/net 9>"$FOLDER/lock"
  flock --nonblock 9
  exec unshare --net -- bash "$0" inside
fi

life='' hold=''

at_host() { nsenter --net=/proc/self/fd/4 -- "$@"; }

# No default route on either side and no address but these two: the node reaches the host's end and nothing behind it.
make_link() {
  ip link set lo up
  at_host ip link add "$LINK" type veth peer name eth0 netns "$$"
  at_host ip link set "$LINK" addrgenmode none
  at_host ip addr add "$HOST_END/30" dev "$LINK"
  at_host ip link set "$LINK" up
  ip link set eth0 addrgenmode none
  ip addr add "$NODE_END/30" dev eth0
  ip link set eth0 up
  # Another node that looked for a free subnet at the same moment may have found the same one.
  if [ "$(at_host ip -o -4 addr show to "$SUBNET" | wc -l)" != 1 ]; then
    echo "the subnet $SUBNET was taken at the same moment by somebody else" >&2
    return 1
  fi
}

# Its processes and mounts are in namespaces of their own that end with the first of its processes; that one ends with the pipe.
# It gets neither the host's network nor the lock.
start_life() {
  rm -rf --one-file-system "$FOLDER/data" "$FOLDER/docker.sock"
  mkdir "$FOLDER/data"
  exec {hold}> >(
    unshare --mount --pid --ipc --uts --fork --kill-child=KILL --mount-proc -- \
      bash "$FOLDER/life.sh" >>"$FOLDER/log" 2>&1 4<&- 9>&- || true
    echo ended
  )
  life=$!
  echo started
}

end_life() {
  [ -n "$life" ] || return 0
  exec {hold}>&-
  wait "$life" || true
  life=''
}

# An engine makes its control groups where the host sees them; the kernel lets go of them some time after the last process.
remove_cgroups() {
  local dir left
  for _ in {1..100}; do
    left=
    for dir in /sys/fs/cgroup/"$CGROUP" /sys/fs/cgroup/*/"$CGROUP"; do
      [ -d "$dir" ] || continue
      find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null || left=$dir
    done
    [ -n "$left" ] || return 0
    sleep 0.05
  done
  echo "the control group $left cannot be removed" >&2
}

remove_everything() {
  set +e
  end_life
  at_host ip link del "$LINK" 2>/dev/null # absent if it could not be made
  remove_cgroups
  rm -rf --one-file-system "$FOLDER"
}
trap remove_everything EXIT

make_link
start_life
while read -r word; do
  case $word in
    empty)
      end_life
      start_life
      ;;
    *) echo "unknown word: $word" >&2 ;;
  esac
done
