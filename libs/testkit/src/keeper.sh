# Runs one server until standard input ends, which is when the test process
# does, however that ends. $1 is the server's data folder, removed at the end;
# the rest is the server's command line.
trap '' INT HUP
folder=$1
shift
"$@" >"$folder/log" 2>&1 </dev/null &
server=$!
# An ended standard input is the only news there is.
while read -r _; do :; done
kill -KILL "$server" 2>/dev/null
wait "$server" 2>/dev/null
rm -rf "$folder"
