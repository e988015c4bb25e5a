# Runs one container engine until standard input ends, then ends it as a machine
# that shuts down does: with its containers, and nothing left mounted.
trap '' INT HUP
"$@" </dev/null &
engine=$!
while read -r _; do :; done
kill -TERM "$engine" 2>/dev/null
wait "$engine" 2>/dev/null
