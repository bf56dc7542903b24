#!/bin/bash
# SPDX-License-Identifier: MIT
#
# harness.sh - checks that the harness speaks IGT's protocol; needs no VM; prints TAP
#
# usage: harness.sh EXAMPLE [igt]
#
# With igt, EXAMPLE is built with the real one: what is asked here is how that behaves,
# but for what is in if_ours.
set -u

example=$1 real=${2-}
if_ours() { [ -z "$real" ]; }
count=0 failed=0 what=''
out=$(mktemp)
err=$(mktemp)
trap 'rm -f "$out" "$err"' EXIT

# What was asked of the run before has been asked
result() {
	[ -n "$what" ] || return
	count=$((count + 1))
	if [ -z "$complained" ]; then
		echo "ok $count $what"
	else
		echo "not ok $count $what"
		failed=1
	fi
}

# run STATUS [ARG]...: the example exits with STATUS; output is kept
run() {
	local want=$1 got
	shift
	result
	complained=''
	"$example" "$@" >"$out" 2>"$err"
	got=$?
	what="$* ($want${EXAMPLE_FIXTURE:+, fixture $EXAMPLE_FIXTURE})"
	[ "$got" = "$want" ] || complain "exit status $got instead of $want"
}
complain() {
	echo "# $what: $*"
	sed 's/^/#     out: /' "$out"
	sed 's/^/#     err: /' "$err"
	complained=1
}
has() { grep -qE -e "$1" "$out" || complain "no '$1' in the output"; }
hasnt() { ! grep -qE -e "$1" "$out" || complain "'$1' in the output"; }
err_has() { grep -qE -e "$1" "$err" || complain "no '$1' on stderr"; }

time='\([0-9]+\.[0-9]{3}s\)'

run 0 --list-subtests
has '^pass-first$'
has '^pass-loop-1$'
has '^pass-last$'
hasnt 'Subtest'
hasnt 'exit handler'
[ "$(wc -l <"$out")" = 16 ] || complain "not 16 names"

# The first one decides
run 0 --list-subtests --run-subtest 'pass-loop-*'
[ "$(wc -l <"$out")" = 16 ] || complain "not 16 names"
run 0 --run-subtest 'pass-loop-*' --list-subtests
has '^Subtest pass-loop-1: SUCCESS'
hasnt 'pass-first'

run 0 --describe
has '^Subtests with every outcome$'
has '^SUB pass-first .*example\.c:[0-9]+:$'
has '^  Sees what the fixture did$'
! if_ours || has '^  Says "it" in a comment, which is \\ long enough to be continued on another line$'
has 'NO DOCUMENTATION!'

run 0 --help
has 'run-subtest'
run 79 --no-such-option

if if_ours; then
	# What cannot be written is a failure, and nothing is written to what was opened
	# in the place of a closed stream
	for option in --help --list-subtests '--run-subtest pass-first'; do
		for to in '>/dev/full' '>&-'; do
			what="$option $to"
			# shellcheck disable=SC2086 # words
			case $to in
			'>&-') "$example" $option 2>"$err" >&- ;;
			*) "$example" $option 2>"$err" >/dev/full ;;
			esac
			got=$?
			: >"$out"
			[ $got = 98 ] || complain "exit status $got instead of 98"
			[ "$option" = --help ] || err_has 'cannot write standard output'
		done
	done
fi
run 0 --run-subtest pass-first stray
run 0 --version
has '^IGT-Version: '
hasnt 'pass-first'
run 0 --help-description
has '^Subtests with every outcome$'
run 0 --show-testlist --run-subtest 'pass-loop-*'
has '^igt@[^@]*example@pass-loop-1$'
has '^igt@[^@]*example@pass-last$'
run 0 '--describe=pass-loop-*'
has '^SUB pass-loop-1 '
hasnt 'pass-last'
run 79 --run-subtest no-such-subtest
err_has 'Unknown subtest'

# A failure does not stop the rest, and decides the exit status
run 98
has '^IGT-Version: '
has '^Starting subtest: fail-compare$'
has "^Subtest fail-compare: FAIL $time\$"
has "^Subtest pass-last: SUCCESS $time\$"
has "^Subtest skip-plain: SKIP $time\$"
has '^exit handler, signal 0$'
err_has 'Test assertion failure function .*, file .*example\.c:[0-9]+'
err_has 'Failed assertion: fixture_value == 43'
err_has 'Last errno: 19, '
err_has 'error: 42 != 43'
err_has 'DEBUG: what led to it'

run 0 --run-subtest pass-first
has '^information$'
hasnt 'a detail'
hasnt 'pass-last'
run 0 --run-subtest pass-first --debug
has 'DEBUG: a detail'
run 0 --run-subtest 'pass-*,!*-loop-*'
has 'pass-last'
hasnt 'loop'
run 0 --run-subtest 'pass-last,skip-plain'
run 77 --run-subtest 'skip-*'
has '^Test requirement: fixture_value == 43$'
has '^because$'

run 0 --run-subtest dynamic-pass
has '^Starting dynamic subtest: part-2$'
has "^Dynamic subtest part-2: SUCCESS $time\$"
has "^Subtest dynamic-pass: SUCCESS $time\$"
run 0 --run-subtest dynamic-pass --dynamic-subtest part-1
has 'part-1'
hasnt 'part-2'
run 98 --run-subtest dynamic-fail
has '^Dynamic subtest bad: FAIL'
has '^Dynamic subtest after: SUCCESS'
has '^Subtest dynamic-fail: FAIL'
run 0 --run-subtest dynamic-fail --dynamic-subtest good
if if_ours; then
	EXAMPLE_BEHIND=1 run 98 --run-subtest dynamic-fail,pass-last
	has '^Subtest dynamic-fail: FAIL'
fi
run 0 --run-subtest dynamic-outside
# A container fails by its subtests, never by itself
EXAMPLE_OUTSIDE=1 run 134 --run-subtest dynamic-outside,pass-last 2>/dev/null
has '^Dynamic subtest good: SUCCESS'
hasnt '^Subtest dynamic-outside: '
hasnt 'pass-last'
run 77 --run-subtest dynamic-none
run 77 --run-subtest dynamic-skip

EXAMPLE_FIXTURE=skip run 77
has 'the fixture skips'
has '^Subtest pass-last: SKIP \(0\.000s\)$'
hasnt 'Starting subtest'
EXAMPLE_FIXTURE=fail run 98
has '^Subtest pass-last: FAIL \(0\.000s\)$'
hasnt 'Starting subtest'
EXAMPLE_FIXTURE=fail run 0 --list-subtests

# Taking down is part of the test, although each subtest has gone well before
EXAMPLE_FIXTURE=fail-last run 98 --run-subtest pass-last
has '^Subtest pass-last: SUCCESS'
err_has "Failed assertion: !fixture_wants"
EXAMPLE_FIXTURE=fail-last run 98 --run-subtest 'skip-*'
EXAMPLE_EMPTY=1 run 134 2>/dev/null
! if_ours || err_has 'no subtest ran'

EXAMPLE_ABORT=1 run 112 --run-subtest 'abort,pass-last'
has '^Starting subtest: abort$'
hasnt '^Subtest abort: '
hasnt 'pass-last'
EXAMPLE_EXIT=1 run 134 --run-subtest exit,pass-last 2>/dev/null
has '^exit handler, signal 0$'
hasnt '^Subtest exit: '
hasnt 'pass-last'
EXAMPLE_SIGNAL=1 run 143 --run-subtest signal
has '^exit handler, signal 15$'
if if_ours; then
	EXAMPLE_THREAD=1 run 134 --run-subtest thread 2>/dev/null
	err_has 'only the main thread may'
fi

IGT_SENTINEL_ON_STDERR=1 run 0 --run-subtest pass-last
err_has '^Starting subtest: pass-last$'
err_has '^Subtest pass-last: SUCCESS'
# igt_runner calls a subtest with anything else on stderr "warn"
what="$what, nothing else there"
! grep -vE '^(Starting subtest|Subtest) ?' "$err" >/dev/null || complain 'more on stderr'

result
echo "1..$count"
exit "$failed"
