#!/bin/sh
# Node in a network namespace of its own, inside that of the whole run; the arguments are Node's.
exec unshare --net --mount sh -c '
  mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /run && ip link set lo up && exec "$@"
' sh "$NETLAB_NODE" "$@"
