#!/bin/bash
# Runs the daemon beside a journald of its own, with an attack in a file whose name tries to forge a field, and prints the journal.
# Called inside a private mount namespace, as root.   usage: journal.sh MODELSCAND HOME
set -eu
program=$1
export HOME=$2 MODELSCAND_STATE=$2/state RUNTIME_DIRECTORY=$2/state MODELSCAND_CONFIG=$2/empty.toml

mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mkdir -p /run/systemd/journal /run/log/journal
/lib/systemd/systemd-journald >/dev/null 2>&1 &
journald=$!
until [ -S /run/systemd/journal/socket ]; do sleep 0.01; done

cd "$HOME"
: > empty.toml
"$program" watch --no-default-caches "$HOME/models" 2>"$HOME/daemon.log" &
daemon=$!
until "$program" sync --timeout 60 2>/dev/null; do sleep 0.01; done
kill -TERM "$daemon"
wait "$daemon"
journalctl --output json --no-pager SYSLOG_IDENTIFIER=modelscand
kill "$journald"
