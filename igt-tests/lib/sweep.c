// SPDX-License-Identifier: MIT
/*
 * Failing allocations one after the other, with the kernel's fault injection
 *
 * /proc/thread-self/fail-nth counts down at every allocation of the thread that
 * could fail, and makes the one fail that reaches zero.
 */
#include <fcntl.h>
#include <unistd.h>

#include "igt_core.h"
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
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		sysfs_write(settings[i].file, settings[i].value);
}

void sweep_start(struct sweep *sweep)
{
	sweep->n = 0;
	sweep->over = false;
	sweep->fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	igt_assert_fd(sweep->fd);
}

void sweep_arm(struct sweep *sweep)
{
	char text[16];
	int len;

	/* Far beyond any operation here: a count that never ends is a bug */
	sweep->n++;
	igt_assert_f(sweep->n < 20000, "%u allocations and no end\n", sweep->n);
	len = snprintf(text, sizeof(text), "%u", sweep->n);
	igt_assert_eq((int)pwrite(sweep->fd, text, (size_t)len, 0), len);
}

bool sweep_disarm(struct sweep *sweep)
{
	char text[16] = "";
	bool failed;

	/* 0: it was reached. Reading can itself allocate, before it is off */
	failed = pread(sweep->fd, text, sizeof(text) - 1, 0) < 0 ||
		 !strcmp(text, "0\n");
	if (pwrite(sweep->fd, "0", 1, 0) != 1)
		igt_assert_eq((int)pwrite(sweep->fd, "0", 1, 0), 1);
	if (!failed)
		sweep->over = true;
	return failed;
}

void sweep_end(struct sweep *sweep)
{
	close(sweep->fd);
}
