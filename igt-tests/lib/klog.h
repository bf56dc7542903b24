/* SPDX-License-Identifier: MIT */
#ifndef LIB_KLOG_H
#define LIB_KLOG_H

#include "devices/klog.h"

/* These do what devices/klog.h says, and fail the test if that does */

int klog_open(void);

/**
 * klog_tell_runner - say to igt_runner which errors in the kernel's log are by design
 *
 * For one subtest: igt_runner calls it "dmesg-warn" if there are others. What makes a
 * device or its exporter do something calls this, so that tests need not.
 */
void klog_tell_runner(void);

/** klog_count - __klog_count(), and show the lines if the test fails */
unsigned int klog_count(int fd, const char *text);

/** klog_expect - __klog_expect() of what printf() would print */
void klog_expect(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void klog_expect_no_more(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
void klog_expect_faults(const char *addr);

/** klog_expect_no_more_faults - from here on it must not */
void klog_expect_no_more_faults(const char *addr);

void klog_no_other_faults(void);

#endif /* LIB_KLOG_H */
