# Stands for a compiler: makes a program of the source and puts it where it is told to.
set -e
mkdir -p "$(dirname "$1")"
{ echo '#!/bin/sh'; cat greeter.sh; } > "$1"
chmod 755 "$1"
