# SPDX-License-Identifier: GPL-2.0
#
# scan-log.awk - the part of scan-log that knows what reports look like

function ignored(line,    i) {
	for (i = 1; i <= ignores; i++)
		if (line ~ ignore[i])
			return 1
	return 0
}

# A report is held back until it is complete: it may be a known one
function finish(    i) {
	if (kind == "")
		return
	kind = ""
	for (i = 1; i <= knowns; i++)
		if (joined ~ known[i])
			return
	found++
	printf "%s", report
}

# What kind of report starts on this line: the first that fits, so the special
# ones come before WARNING and BUG, which many of them carry as well
function kind_of(line) {
	if (line ~ /BUG: KASAN:/)
		return "kasan"
	if (line ~ /BUG: (KFENCE|KCSAN|KMSAN):/)
		return "kfence"
	if (line ~ /UBSAN:/)
		return "ubsan"
	if (line ~ /possible (circular|recursive) locking|inconsistent lock state|lock inversion dependency/ ||
	    line ~ /-safe -> .*-unsafe lock order|bad unlock balance|bad contention detected|held lock freed/ ||
	    line ~ /Invalid wait context|lock held when returning|still ha(s|ve) locks held|DEBUG_LOCKS_WARN_ON/ ||
	    line ~ /BUG: MAX_(LOCK|STACK)|suspicious RCU usage|Nested lock was not taken/)
		return "lockdep"
	if (line ~ /sleeping function called from invalid context|scheduling while atomic|Voluntary context switch within RCU/)
		return "atomic"
	if (line ~ /unreferenced object 0x|new suspected memory leaks/)
		return "kmemleak"
	if (line ~ /DMA-API:/)
		return "dma-api"
	if (line ~ /blocked for more than [0-9]+ seconds|blocked in I\/O wait for more/)
		return "hung-task"
	if (line ~ /detected (expedited )?stalls|self-detected stall|kthread starved|soft lockup|hard LOCKUP|workqueue lockup/)
		return "stall"
	if (line ~ /kernel BUG at|invalid opcode:/)
		return "bug"
	if (line ~ /Oops: |Oops\[|general protection fault|unable to handle|NULL pointer dereference|double fault|stack guard page/)
		return "oops"
	if (line ~ /Kernel panic - not syncing/)
		return "panic"
	if (line ~ /vm-init: kernel tainted/)
		return "taint"
	if (line ~ /WARNING:/)
		return "warning"
	if (line ~ /(^|[^A-Za-z_])BUG[: ]/)
		return "bug"
	return ""
}

# How far a report goes: its own end mark, or the last line of its stack dump
function ends(line) {
	if (line ~ /---\[ end (trace|Kernel panic)/)
		return 1
	if (kind == "kasan" || kind == "ubsan" || kind == "lockdep" || kind == "kfence")
		return line ~ /=====================/ && length_so_far > 3
	if (kind == "panic" && line ~ /Kernel Offset/)
		return 1
	return line ~ /<\/TASK>/ && kind != "oops" && kind != "bug" && kind != "warning"
}

BEGIN {
	list = ENVIRON["SCAN_LOG_IGNORE"]
	while ((got = (getline line <list)) > 0)
		if (line ~ /^report: /)
			known[++knowns] = substr(line, 9)
		else if (line !~ /^#/ && line != "")
			ignore[++ignores] = line
	if (got < 0) {
		print "scan-log: cannot read the ignore list " list >"/dev/stderr"
		failed = 2
		exit 2
	}
}

{
	gsub(/\r/, "")
	next_kind = kind_of($0)
	if (next_kind != "" && ignored($0))
		next_kind = ""
}

# Inside a report only one of another kind starts anew: an oops says BUG, then
# Oops, and is one report, but a panic after it is news
next_kind != "" && next_kind != kind {
	finish()
	kind = next_kind
	length_so_far = 0
	report = sprintf("== %s, line %d\n", kind, FNR)
	joined = ""
}

kind != "" {
	report = report $0 "\n"
	joined = joined " " $0
	if (++length_so_far > 150 || kind == "taint" || ends($0))
		finish()
}

END {
	if (failed)
		exit failed
	finish()
	exit found > 0
}
