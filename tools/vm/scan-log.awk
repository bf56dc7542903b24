# SPDX-License-Identifier: GPL-2.0
#
# scan-log.awk - the part of scan-log that knows what reports look like
#
# Where a line begins matters. Two writers share the console, and so it happens
# that what one of them writes stands behind what the other has not finished: a
# line is cut before every time stamp in it, and the ignore list is about the start
# of what follows the stamp.

function ignored(text,    i) {
	for (i = 1; i <= ignores; i++)
		if (match(text, ignore[i]) == 1)
			return 1
	return 0
}

# What a program has said it will cause, which only these kinds may be. Faults of the
# IOMMU are counted, and a report in a program that has said that there are no others.
function expected(kind, text,    what) {
	if (kind !~ /^(dma-fault|memory|oom|nvme|hung-task)$/)
		return 0
	for (what in expect)
		if (index(text, what))
			return 1
	return 0
}

# Whether a function that is asked about is in a race, or called what is. What an interrupt
# came upon has not called it: that part of a stack lasts until "by" of the next one
function is_asked(    words, nr, i, came_upon) {
	nr = split(joined, words, /[ \t]+/)
	for (i = 1; i <= nr; i++) {
		if (words[i] == "by")
			came_upon = 0
		if (!sub(/\+0x.*/, "", words[i]))
			continue
		if (words[i] ~ /^asm_(sysvec_|common_interrupt$)/)
			came_upon = 1
		if (!came_upon && words[i] in asked)
			return 1
	}
	return 0
}

# A report is held back until it is complete: it may be a known one
function finish(    i, race) {
	if (kind == "")
		return
	race = kind == "kcsan"
	kind = ""
	# More than is held back belongs to it
	if (length_so_far > 150)
		excused = FNR + 200
	# What is cut may have had one of ours in what is missing
	if (race && functions != "" && joined ~ /Reported by Kernel/ && !is_asked()) {
		others++
		return
	}
	for (i = 1; i <= knowns; i++)
		if (joined ~ known[i]) {
			known_seen = 1
			return
		}
	found++
	# So may stacks of other CPUs
	excused = FNR + 200
	printf "%s", report
}

# What kind of report starts on this line: the first that fits, so the special
# ones come before WARNING and BUG, which many of them carry as well
function kind_of(line) {
	if (line ~ /BUG: KASAN:/)
		return "kasan"
	if (line ~ /BUG: KCSAN:/)
		return "kcsan"
	if (line ~ /BUG: (KFENCE|KMSAN):/)
		return "kfence"
	if (line ~ /UBSAN:/)
		return "ubsan"
	if (line ~ /possible (circular|recursive) locking|inconsistent lock state|lock inversion dependency/ ||
	    line ~ /-safe -> .*-unsafe lock order|bad unlock balance|bad contention detected|held lock freed/ ||
	    line ~ /Invalid wait context|lock held when returning|still ha(s|ve) locks held|DEBUG_LOCKS_WARN_ON/ ||
	    line ~ /BUG: MAX_(LOCK|STACK)|suspicious RCU usage|Nested lock was not taken/ ||
	    line ~ /trying to register non-static key|^vm-init: lockdep/)
		return "lockdep"
	if (line ~ /sleeping function called from invalid context|scheduling while atomic|Voluntary context switch within RCU/)
		return "atomic"
	if (line ~ /unreferenced object 0x|new suspected memory leaks|^vm-init: kmemleak/ ||
	    line ~ /kmemleak: (Cannot (insert|allocate a kmemleak)|Memory pool empty|Failed to create the scan thread)/)
		return "kmemleak"
	if (line ~ /DMA-API:/)
		return "dma-api"
	if (line ~ /ODEBUG: /)
		return "odebug"
	if (line ~ /blocked for more than [0-9]+ seconds|blocked in I\/O wait for more|to become free\. Usage count/ ||
	    line ~ /Time out waiting for iommufd object/)
		return "hung-task"
	if (line ~ /detected (expedited )?stalls|self-detected stall|kthread starved|soft lockup|hard LOCKUP|workqueue lockup/ ||
	    line ~ /non-responsive CSD lock/)
		return "stall"
	if (line ~ /DMAR: \[(DMA|INTR-REMAP)|AMD-Vi: Event logged/)
		return "dma-fault"
	if (line ~ /DMAR: (VT-d detected|QI (HEAD|PRIOR):|Flush IOTLB failed)|iommu: unaligned: /)
		return "iommu"
	if (line ~ /irq [0-9]+: nobody cared|genirq: Flags mismatch|irq event [0-9]+: bogus return value/ ||
	    line ~ /is an active IRQ thread|[Uu]nexpected IRQ trap|No irq handler for|Dazed and confused/ ||
	    line ~ /huh, entered softirq|NOHZ tick-stop error/)
		return "irq"
	if (line ~ /\.[ch]:[0-9]+: bad (pgd|p4d|pud|pmd|pte) |Corrupted page table at/ ||
	    line ~ /x86\/PAT: .*(_failed| failed|freeing invalid|expected mapping type|map pfn RAM range)/ ||
	    line ~ /ioremap: invalid physical|ioremap memtype_reserve failed -([^1]|1[^2]|1$)|iounmap: bad address|resource sanity check: /)
		return "mapping"
	if (line ~ /Runtime PM usage count underflow|Unbalanced pm_runtime_|failed to stop IOMMU for a PCI reset/)
		return "device"
	if (line ~ /GID entry ref leak|leaking DMA memory|Tag [0-9]+ still in use/)
		return "leak"
	if (line ~ /SLUB:? .*counted but|pagealloc: (single bit error|memory corruption)|dma_pool_.*(\((corrupted|bad dma)\)|already free| busy$)/)
		return "slab"
	if (line ~ /\*ERROR\*/)
		return "drm"
	if (line ~ /page allocation failure|kmemleak: Cannot allocate a scan area|page allocation stalls|vmalloc error: |vmap allocation for size|SLUB: Unable to allocate memory|ioremap memtype_reserve failed -12|kobject_add_internal failed .*\(error: -12 /)
		return "memory"
	if (line ~ /invoked oom-killer|[Oo]ut of memory: Killed|Out of memory and no killable/)
		return "oom"
	if (line ~ /cannot create duplicate filename|kobject_add_internal failed .*(-EEXIST|\(error: -([^1]|1[^2]))|tried to init an initialized object/ ||
	    line ~ /debugfs: .*already (exists|present)/ ||
	    line ~ /exports duplicate symbol|sysctl duplicate entry|Driver .* is already registered/)
		return "duplicate"
	if (line ~ /nvme.*(timeout, |controller is down|Device not ready|Abort status|I\/O Error|Removing after probe failure)/)
		return "nvme"
	if (line ~ /printk messages dropped/)
		return "lost"
	if (line ~ /kernel BUG at|invalid opcode:/)
		return "bug"
	if (line ~ /Oops: |Oops\[|general protection fault|unable to handle|NULL pointer dereference|double fault|stack guard page/)
		return "oops"
	if (line ~ /Kernel panic - not syncing/)
		return "panic"
	if (line ~ /^vm-init: kernel tainted/)
		return "taint"
	if (line ~ /^vm-init: /)
		return "vm"
	if (line ~ /WARNING:/)
		return "warning"
	if (line ~ /(^|[^A-Za-z_])BUG[: ]/)
		return "bug"
	# Whatever it is about: nothing shows where it is without a reason
	if (line ~ /^ *Call Trace:/ && kind == "" && FNR > excused)
		return "trace"
	return ""
}

# Kinds that are one line, with no dump behind it
function single(kind) {
	return kind ~ /^(taint|vm|lost|dma-fault|nvme|iommu|mapping|leak|drm)$/
}

# Kinds whose first line never comes twice in one report
function has_head(kind) {
	return kind ~ /^(kasan|kcsan|ubsan|lockdep|warning|hung-task)$/
}

# How far a report goes: its own end mark, or the last line of its stack dump
function ends(line) {
	if (line ~ /---\[ end (trace|Kernel panic)/)
		return 1
	if (kind == "lockdep" && line ~ /<\/TASK>/)
		return 1
	if (kind == "kasan" || kind == "kcsan" || kind == "ubsan" || kind == "lockdep" || kind == "kfence")
		return line ~ /=====================/ && length_so_far > 3
	if (kind == "panic" && line ~ /Kernel Offset/)
		return 1
	return line ~ /<\/TASK>/ && kind != "oops" && kind != "bug" && kind != "warning"
}

function scan(line,    next_kind, text) {
	text = line
	sub(/^\[ *[0-9]+\.[0-9]+\]( *\[ *[TC][0-9]+\])? /, "", text)
	if (match(text, /^\[IGT\] expected: ./)) {
		expect[substr(text, RLENGTH)] = 1
		return
	}
	if (match(text, /^\[IGT\] no longer expected: ./)) {
		delete expect[substr(text, RLENGTH)]
		return
	}
	if (text ~ /^\[IGT\] no faults but those expected/)
		strict = 1
	# Of several: whose reports these are. What comes behind the last is everybody's.
	# What one has said that it will cause is no excuse for the next.
	if (match(text, /^vm-init: program [0-9]+, /)) {
		finish()
		if (known_seen && program != "" && !told) {
			found++
			told = 1
			printf "== lockdep, line %d%s\nlockdep went off in it, and sees nothing of: %s\n",
				FNR, program, line
		}
		program = ", " substr(text, RLENGTH + 1)
		delete expect
	} else if (text ~ /^vm-init: command ended/) {
		finish()
		program = ""
	}
	next_kind = kind_of(text)
	if (next_kind == "dma-fault" && !strict && !expected(next_kind, text)) {
		faults++
		return
	}
	# Fault injection, and what comes of it, show where they are
	if (text ~ /^FAULT_INJECTION: forcing a failure/ || (next_kind != "" && expected(next_kind, text))) {
		if (next_kind !~ /^(dma-fault|nvme)$/) {
			stacks = FNR > stacks_until ? 1 : stacks + 1
			stacks_until = FNR + 40
		}
		next_kind = ""
	} else if (next_kind == "trace" && stacks > 0 && FNR <= stacks_until) {
		next_kind = ""
		stacks--
	} else if (next_kind != "" && ignored(text)) {
		next_kind = ""
	}
	# Lockdep ends with its first report, and that is known
	if (next_kind == "lockdep" && text ~ /^vm-init: lockdep is off/) {
		finish()
		if (known_seen)
			next_kind = ""
	}

	# Inside a report one of another kind starts anew: an oops says BUG, then
	# Oops, and is one report, but a panic after it is news. So does one of the
	# same kind where a first line is surely one.
	if (next_kind != "" && (next_kind != kind || has_head(next_kind))) {
		finish()
		kind = next_kind
		length_so_far = 0
		report = sprintf("== %s, line %d%s\n", kind, FNR, program)
		joined = ""
	}
	if (kind != "") {
		report = report line "\n"
		joined = joined " " line
		if (++length_so_far > 150 || single(kind) || ends(line))
			finish()
	}
}

BEGIN {
	list = ENVIRON["SCAN_LOG_IGNORE"]
	while ((got = (getline line <list)) > 0)
		if (line ~ /^report: /)
			known[++knowns] = substr(line, 9)
		else if (line !~ /^#/ && line != "")
			ignore[++ignores] = line
	if (got >= 0 && (list = functions) != "")
		while ((got = (getline line <list)) > 0)
			asked[line] = 1
	if (got < 0) {
		print "scan-log: cannot read the list " list >"/dev/stderr"
		failed = 2
		exit 2
	}
}

{
	gsub(/\r/, "")
	rest = $0
	while (match(substr(rest, 2), /\[ *[0-9]+\.[0-9][0-9][0-9][0-9][0-9][0-9]\] /)) {
		cut = RSTART
		scan(substr(rest, 1, cut))
		rest = substr(rest, cut + 1)
	}
	scan(rest)
}

END {
	if (failed)
		exit failed
	finish()
	if (others)
		print "scan-log: " others " races that none of the functions takes part in" >"/dev/stderr"
	if (faults)
		print "scan-log: " faults " faults of the IOMMU that no program has announced" >"/dev/stderr"
	exit found > 0
}
