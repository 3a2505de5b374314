#!/bin/sh
# The demo: run the census into a fresh home, then look at what was recorded. `make demo` calls it.
#
#   examples/demo.sh BIN FOLDER
#
# BIN is the folder of `python` and `headrace`, FOLDER (not there yet) is where home and report go.
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

say "Next"
cat <<EOT
  export HEADRACE_HOME=$HEADRACE_HOME    to look around in these runs with $bin/headrace
  examples/                              more flows: retries, timeouts, caching, a flaky HTTP service
  $bin/headrace run examples/numbers_sequential.py:numbers -p count=3
EOT
