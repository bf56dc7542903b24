// SPDX-License-Identifier: MIT
/*
 * Failing allocations one after the other, with the kernel's fault injection
 *
 * /proc/thread-self/fail-nth counts down at every allocation of the thread that
 * could fail, and makes the one fail that reaches zero. At those behind it the
 * injectors' own settings count: which make all of them fail, or none.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "klog.h"
#include "sweep.h"
#include "sysfs.h"

#define DEBUGFS "/sys/kernel/debug/"

void sweep_require(void)
{
	static const struct {
		const char *file, *value;
	} settings[] = {
		{ DEBUGFS "failslab/ignore-gfp-wait", "N" },
		{ DEBUGFS "failslab/verbose", "0" },
		{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N" },
		{ DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ DEBUGFS "fail_page_alloc/min-order", "0" },
		{ DEBUGFS "fail_page_alloc/verbose", "0" },
	};
	size_t i;

	igt_require_f(!access("/proc/thread-self/fail-nth", W_OK) &&
		      !access(DEBUGFS "failslab", F_OK) &&
		      !access(DEBUGFS "fail_page_alloc", F_OK),
		      "no fault injection in this kernel: use the debug flavour\n");
	for (i = 0; i < ARRAY_SIZE(settings); i++)
		sysfs_write(settings[i].file, settings[i].value);
	/* What the kernel says when it believes that memory is short */
	klog_expect("page allocation failure");
	klog_expect("vmalloc error: ");
	klog_expect("SLUB: Unable to allocate memory");
	klog_expect("kmemleak: Cannot allocate a scan area");
	klog_expect("ioremap memtype_reserve failed -12");
	klog_expect("(error: -12 parent: ");
}

/*
 * Whether all allocations of a thread fail whose make-it-fail is set. A page fault would
 * be tried again for ever then, so there are to be none.
 */
static void fail_the_rest(bool on)
{
	/* At no time may others' allocations fail: the probability is first of all to end */
	static const struct {
		const char *file, *on, *off;
	} settings[] = {
		{ "probability", "100", "0" }, { "times", "-1", "1" }, { "task-filter", "Y", "N" },
	};
	const size_t nr = ARRAY_SIZE(settings);
	char file[64];
	size_t i, at;

	for (i = 0; i < nr; i++) {
		at = on ? nr - 1 - i : i;
		snprintf(file, sizeof(file), DEBUGFS "failslab/%s", settings[at].file);
		sysfs_write(file, on ? settings[at].on : settings[at].off);
		snprintf(file, sizeof(file), DEBUGFS "fail_page_alloc/%s", settings[at].file);
		sysfs_write(file, on ? settings[at].on : settings[at].off);
	}
	if (on)
		igt_assert_eq(mlockall(MCL_CURRENT | MCL_FUTURE), 0);
	else
		munlockall();
}

bool __sweep_arm(int fd, unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	return pwrite(fd, text, (size_t)len, 0) == len;
}

bool __sweep_disarm(int fd)
{
	char text[16] = "";
	/* 0: it was reached. Reading can itself allocate, before it is off */
	bool failed = pread(fd, text, sizeof(text) - 1, 0) < 0 ||
		      !strcmp(text, "0\n");

	/* As can writing */
	if (!__sweep_arm(fd, 0))
		__sweep_arm(fd, 0);
	return failed;
}

/* A kernel with IOMMUFD_TEST makes more fail than allocations */
static bool is_injected(const struct sweep_op *op, int ret)
{
	return (ret == op->injected[0] || ret == op->injected[1]) &&
	       !access(DEBUGFS "fail_iommufd", F_OK);
}

void sweep_over(const struct sweep_op *op)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC), ret;
	int rest = open("/proc/thread-self/make-it-fail", O_WRONLY | O_CLOEXEC);
	unsigned int n = 0, failed = 0;
	bool hit;

	igt_assert_fd(fd);
	igt_assert_fd(rest);
	if (op->rest)
		fail_the_rest(true);
	do {
		/* Far beyond any operation: a count that never ends is a bug */
		n++;
		igt_assert_f(n < 20000, "%u allocations and no end\n", n);
		if (op->begin)
			op->begin();
		igt_assert(__sweep_arm(fd, n));
		if (op->rest)
			igt_assert_eq(pwrite(rest, "1", 1, 0), 1);
		ret = op->go();
		if (op->rest)
			igt_assert_eq(pwrite(rest, "0", 1, 0), 1);
		hit = __sweep_disarm(fd);
		/* What goes on behind an operation is not to fail */
		igt_assert(__sweep_arm(fd, 0));
		if (ret < 0) {
			failed++;
			igt_assert_f(hit && (ret == -ENOMEM || is_injected(op, ret)),
				     "allocation %u %s: %s\n", n,
				     hit ? "failed" : "did not even fail",
				     strerror(-ret));
			if (op->failed)
				op->failed();
		} else if (op->undo) {
			op->undo(ret);
		}
	} while (hit);
	if (op->rest)
		fail_the_rest(false);
	close(rest);
	close(fd);
	igt_info("%u allocations failed, %u of them the operation\n", n - 1,
		 failed);
	/* An operation that allocates nothing is not what is swept here */
	igt_assert_lt(1, (int)n);
	/* Nor is one that hides the failure, unless that is its promise */
	igt_assert_f(op->survives ? !failed : failed,
		     "%u of %u failed allocations failed the operation\n", failed,
		     n - 1);
}
