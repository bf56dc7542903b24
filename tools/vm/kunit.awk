#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0
#
# kunit.awk - the part of kunit that judges what the kernel said; with -v may_skip=1, as of
# uml, a skipped case is none that failed

function count(level) {
	seen[level]++
	total[level]++
}

# What was announced for a level ends with the result above it: one suite's cases
# too many do not make up for another one's that never ran
function close_level(level) {
	if (level in planned && seen[level] != planned[level])
		lost += seen[level] < planned[level] ? planned[level] - seen[level] : seen[level] - planned[level]
	# Parameters need not be announced; suites and cases must
	else if (level < 2 && seen[level] && !(level in planned))
		lost += seen[level]
	delete planned[level]
	seen[level] = 0
}

{ print }
match($0, /^ */) { level = RLENGTH / 4 }
/^ *1\.\.[0-9]+$/ {
	line = $0
	sub(/^ *1\.\./, "", line)
	planned[level] += line
}
/^ *(not )?ok [0-9]+ / {
	close_level(level + 1)
	count(level)
}
/^ *not ok [0-9]+ / { failed[level]++ }
/^ *ok [0-9]+ .*# SKIP/ { skipped[level]++ }
END {
	close_level(2)
	close_level(1)
	close_level(0)
	for (level = 0; level < 3; level++)
		bad += failed[level] + (may_skip ? 0 : skipped[level])
	printf "kunit: %d suites, %d cases, %d of parameters: %d failed, %d skipped, %d lost\n",
		total[0], total[1], total[2],
		failed[0] + failed[1] + failed[2],
		skipped[0] + skipped[1] + skipped[2], lost
	exit !total[1] || bad || lost
}
