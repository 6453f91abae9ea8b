#!/bin/bash
# Runs the daemon beside a journald of its own, with an attack in a file whose name tries to forge a field, and prints the journal.
# Called inside a private mount namespace, as root.   usage: journal.sh MODELSCAND HOME
set -eu
program=$1
home=$2

mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mkdir -p /run/systemd/journal /run/log/journal
/lib/systemd/systemd-journald >/dev/null 2>&1 &
journald=$!
until [ -S /run/systemd/journal/socket ]; do sleep 0.01; done

# Only now: journald itself would put its sockets into RUNTIME_DIRECTORY.
export HOME=$home MODELSCAND_STATE=$home/state RUNTIME_DIRECTORY=$home/state MODELSCAND_CONFIG=$home/empty.toml
cd "$HOME"
: > empty.toml
"$program" watch --no-default-caches "$HOME/models" 2>"$HOME/daemon.log" &
daemon=$!
until "$program" sync --timeout 60 2>/dev/null; do sleep 0.01; done
kill -TERM "$daemon"
wait "$daemon"
journalctl --output json --no-pager SYSLOG_IDENTIFIER=modelscand
kill "$journald"
