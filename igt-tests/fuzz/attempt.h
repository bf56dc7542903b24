/* SPDX-License-Identifier: MIT */
/*
 * Running sequences in a child, which may crash or hang
 */
#ifndef FUZZ_ATTEMPT_H
#define FUZZ_ATTEMPT_H

#include "fuzz.h"

/* Operations of a table, and errnos, that are counted */
#define FUZZ_MAX_OPS 128
#define FUZZ_MAX_ERRNO 134

/**
 * struct fuzz_report - what a child says, in memory that it shares
 * @calls: made so far
 * @seed: of the sequence that is being made, or was the last
 * @nr: of steps of that sequence
 * @step: of them that is being made, or was the last
 * @doing: its operation; a string that this program has, so that it is there for parent and child
 * @why: it failed, or empty
 * @lost: how often lines of the kernel's log were overwritten before they were read
 * @came: how often each operation had each errno, 0 for success
 * @us: how long all of each operation have taken, and all ends of sequences, microseconds
 */
struct fuzz_report {
	uint64_t calls;
	uint64_t seed;
	unsigned int nr;
	unsigned int step;
	const char *doing;
	char why[512];
	uint64_t lost;
	unsigned int came[FUZZ_MAX_OPS][FUZZ_MAX_ERRNO];
	uint64_t us[FUZZ_MAX_OPS], end_us;
};

/** fuzz_report_new - Return: an empty one, or NULL */
struct fuzz_report *fuzz_report_new(void);

/**
 * struct fuzz_plan - sequences to run
 * @table: of these operations
 * @seed: of the first; the next one has the next number
 * @calls: how many, in sequences of @length
 * @length: of a sequence, steps
 * @end_ms: when to stop even so, by now_ms(), but not before the first sequence has ended
 */
struct fuzz_plan {
	const struct fuzz_table *table;
	uint64_t seed;
	uint64_t calls;
	unsigned int length;
	uint64_t end_ms;
};

/**
 * fuzz_attempt - run sequences in a child
 * @plan: which
 * @report: gets more of everything
 *
 * Return: whether all went well; if not, @report->why says what did not.
 */
bool fuzz_attempt(const struct fuzz_plan *plan, struct fuzz_report *report);

/**
 * struct fuzz_trier - a child that tries one sequence after the other
 * @table: of these operations
 * @report: what it says of the last one
 * @seq: the sequence, in memory that it shares
 * @show: say what each call returned
 * @pid: it, or 0; one that crashes or hangs is replaced
 * @fd: where it is told to try, and says that it has
 */
struct fuzz_trier {
	const struct fuzz_table *table;
	struct fuzz_report *report;
	struct fuzz_sequence *seq;
	bool show;
	int pid;
	int fd;
};

/** fuzz_try - try a sequence; Return: whether it went well */
bool fuzz_try(struct fuzz_trier *trier, const struct fuzz_sequence *seq);

/** fuzz_try_no_more - end the child; Return: whether its end went well */
bool fuzz_try_no_more(struct fuzz_trier *trier);

#endif /* FUZZ_ATTEMPT_H */
