#!/bin/bash
# One life of a private node's engine, with an empty store: the first process of its own process and mount namespaces. When it
# ends, the kernel ends every process and every mount of that life. It ends with the engine, or with standard input.
# Environment: as private.sh says.
set -euo pipefail

# Hides the host's engine, and takes the pid files and sockets that a killed engine would leave behind.
mount -t tmpfs -o mode=755 tmpfs /run
if [ "$STORE" != disk ]; then mount -t tmpfs -o "size=$STORE,mode=711" tmpfs "$FOLDER/data"; fi

# A directory with what is written to it kept in memory above it. Bound first, because an option of overlay cannot hold any path.
unchanged() { # DIRECTORY MOUNT_POINT
  local parts
  parts=/run/node/$(basename "$2")
  mkdir -p "$parts/lower" "$parts/upper" "$parts/work"
  mount --bind "$1" "$parts/lower"
  mount -t overlay -o "lowerdir=$parts/lower,upperdir=$parts/upper,workdir=$parts/work" overlay "$2"
}

enter=()
if [ -n "$ROOT" ]; then
  root=/run/node/root
  mkdir -p "$root"
  unchanged "$ROOT" "$root"
  for part in proc sys dev; do mount --rbind "/$part" "$root/$part"; done
  mount -t tmpfs -o mode=755 tmpfs "$root/run"
  mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
  mkdir -p "$root$FOLDER"
  mount --rbind "$FOLDER" "$root$FOLDER"
  enter=(chroot "$root")
else
  # Engines before 24 keep their identity in /etc/docker: a node is not the user's engine, and leaves none there.
  unchanged /etc /etc
  mkdir -p /etc/docker
  mount -t tmpfs -o mode=755 tmpfs /etc/docker
fi

exec 3<&0 </dev/null
"${enter[@]}" dockerd --config-file "$FOLDER/daemon.json" 3<&- &
engine=$!
{
  cat <&3 >/dev/null
  kill -KILL "$engine"
} &
wait "$engine"
