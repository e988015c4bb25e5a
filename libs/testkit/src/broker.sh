# Keeps one RabbitMQ and its port mapper until its standard input ends, which
# is when the test process does, however that ends. A line `restart` stops the
# node and starts it again. Environment and $1, the data folder, come from
# broker.rs.
epmd -address 127.0.0.1 -port "$ERL_EPMD_PORT" &
epmd=$!
start() {
    /usr/lib/rabbitmq/bin/rabbitmq-server >>"$1/log/console" 2>&1 </dev/null &
    node=$!
}
stop() {
    kill "$node" 2>/dev/null
    wait "$node" 2>/dev/null
}
trap '' INT HUP
start "$1"
while read -r command; do
    if [ "$command" = restart ]; then
        stop
        start "$1"
        echo restarted
    fi
done
stop
kill "$epmd" 2>/dev/null
wait "$epmd" 2>/dev/null
rm -rf "$1"
