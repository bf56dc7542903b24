#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bare.sh - on a machine that has nothing, every program skips, and says why; prints TAP
#
# usage: bare.sh PROGRAM...
#
# The machine has no devices, neither in /dev nor in sysfs, and no modules. Each program
# runs there as it is, and with the variables of a VM that name devices; and on this
# machine as a user who may do nothing.
set -u

count=0 failed=0
nothing=(unshare --mount --pid --fork --kill-child --mount-proc)
[ "$(id -u)" = 0 ] || nothing+=(--map-root-user)
# shellcheck disable=SC2016 # not these variables
empty='for dir in /sys /lib/modules; do [ ! -d $dir ] || mount -t tmpfs none $dir; done
	mount -t tmpfs none /mnt && touch /mnt/{null,zero,urandom} &&
		for file in null zero urandom; do mount --bind /dev/$file /mnt/$file; done &&
		mount --rbind /mnt /dev && exec "$@"'
names=(DMABUF_EXPORTER=0000:7f:01.0 DMABUF_EXPORTER2=0000:7f:02.0 DMABUF_EDU=0000:7f:03.0
	DMABUF_EDU2=0000:7f:04.0 DMABUF_NVME=0000:7f:05.0 DMABUF_TOPOLOGY=host-bridge)

# A timeout is a failure, too: status 124
# shellcheck disable=SC2317 # called by what is called by name
on_nothing() { timeout 60 env -i PATH="$PATH" "${@:2}" "${nothing[@]}" bash -c "$empty" bash "$1" 2>&1; }
# shellcheck disable=SC2317 # called by name
without() { on_nothing "$1"; }
# shellcheck disable=SC2317
with_names() { on_nothing "$1" "${names[@]}"; }
# shellcheck disable=SC2317
as_nobody() {
	timeout 60 env -i PATH="$PATH" "${names[@]}" \
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@" 2>&1
}
# A VM of ours lacks nothing, so there it is no reason to skip
# shellcheck disable=SC2317
as_ours() { on_nothing "$1" "${names[@]}" DMABUF_KERNEL=debug; }

# A condition in C is no reason; the line below it is one
has_reason() {
	awk 'asked { found = !/^(Last errno|Subtest) / } { asked = /^Test requirement: / }
		found { exit } END { exit !found }' <<<"$1"
}

# expect STATUS HOW PROGRAM
expect() {
	local out status
	out=$($2 "$3" </dev/null)
	status=$?
	count=$((count + 1))
	if [ $status = "$1" ] &&
	   { [ $status != 77 ] || has_reason "$out"; }; then
		echo "ok $count ${3##*/} ${2//_/ }"
		return
	fi
	failed=1
	echo "# ${out//$'\n'/$'\n'# }"
	echo "not ok $count ${3##*/} ${2//_/ }: exit status $status"
}

if ! why=$("${nothing[@]}" true 2>&1); then
	echo "1..0 # SKIP no namespaces: $why"
	exit 0
fi
for program; do
	expect 77 without "$program"
	expect 77 with_names "$program"
	# Only root becomes somebody else, who may not even read the folder of a library
	if [ "$(id -u)" = 0 ] && as_nobody "$program" --list-subtests >/dev/null; then
		expect 77 as_nobody "$program"
	fi
done
expect 98 as_ours "${!#}"
echo "1..$count"
exit $failed
