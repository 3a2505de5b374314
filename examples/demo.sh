#!/bin/sh
# The demo: run the census into a fresh home, look at what was recorded, and serve the web page. `make demo` calls it.
#
#   examples/demo.sh BIN FOLDER
#
# BIN is the folder of `python` and `headrace`, FOLDER is where home and report go; what an earlier demo left there goes.
set -eu
bin=$1
folder=$2
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

# None of the caller's configuration: a new user has none.
for name in $(env | cut -d = -f 1 | grep -E '^(HEADRACE|PREFECT)_[A-Za-z0-9_]*$'); do
	unset "$name"
done
export HEADRACE_HOME="$folder/home"

# The server of an earlier demo serves the files that go now.
if [ -d "$HEADRACE_HOME" ]; then
	"$bin/headrace" server stop >"$folder/stopped.log" 2>&1 || true
fi
rm -rf "${folder:?}"/*

say() { printf '\n\033[1m%s\033[0m\n' "$1"; }
[ -t 1 ] || say() { printf '\n%s\n' "$1"; }
show() {
	say "\$ $*"
	command=$1
	shift
	"$bin/$command" "$@"
}

say "1. A pipeline: a census of the standard library of $("$bin/python" --version)"
# Without hundreds of lines "Task run ... - Finished in state Completed()"; the states are recorded all the same.
export HEADRACE_LOGGING_LOGGERS_HEADRACE_TASK_RUNS_LEVEL=WARNING
show python examples/census.py --output "$folder/report"
unset HEADRACE_LOGGING_LOGGERS_HEADRACE_TASK_RUNS_LEVEL

say "2. What it found: the beginning of $folder/report/report.md"
head -n 20 "$folder/report/report.md"

say "3. What was recorded: the run, its tasks, its log"
show headrace flow-run ls
run=$("$bin/headrace" flow-run ls --limit 1 --output json | "$bin/python" -c 'import json, sys; print(json.load(sys.stdin)[0]["id"])')
show headrace flow-run inspect "$run"
show headrace task-run ls --limit 5
show headrace flow-run logs "$run"

say "4. The web page: these runs, and some with retries, timeouts and subflows"
for example in retries timeouts numbers_concurrent caching; do
	"$bin/python" "examples/$example.py" >>"$folder/examples.log" 2>&1
done
serve() {
	"$bin/headrace" server start --background --port "$1" >"$folder/server.log" 2>&1
}
# Where the usual port is taken, any other.
serve 4200 || serve 0 || {
	cat "$folder/server.log"
	exit 1
}
page=$(sed -n 's/^The web page is at //p' "$folder/server.log")

say "Next"
cat <<EOT
  Look around in these runs, run another flow, stop the server:

    export HEADRACE_HOME=$HEADRACE_HOME
    $bin/headrace --help
    $bin/headrace run examples/numbers_sequential.py:numbers -p count=3
    $bin/headrace server stop

  See them in a browser: $page
EOT
