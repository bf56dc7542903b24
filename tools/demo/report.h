/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEMO_REPORT_H
#define DEMO_REPORT_H

#include <stdarg.h>

/* The rows of the closing table, in the order they run */
enum step {
	STEP_EXPORT,
	STEP_MAP,
	STEP_WRITE,
	STEP_READ,
	STEP_REVOKE,
	STEP_RESTORE,
	STEP_NVME,
	STEP_NVME_REVOKE,
	STEP_BARS,
	STEP_UDMABUF,
	STEP_KVM,
	STEP_RDMA,
	NR_STEPS,
};

/** report_init - decide about colour: a terminal, or run says there is one */
void report_init(void);

/**
 * step_begin - start a step, print its heading
 * @step: which
 * @device: PCI address of the device whose failure it would be
 */
void step_begin(enum step step, const char *device);

/** step_done - the step that was begun has shown what it should */
void step_done(void);

/** say - print what is done, as printf() */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** checked - print what was looked at and found right, as printf() */
void checked(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** heading - print a line that stands out, as printf() */
void heading(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** faint - print a line of raw data, as printf() */
void faint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * fail - the step that was begun failed: say so, print the table and exit
 * @remedy: what the reader can do about it; NULL for what helps most often
 * @fmt: the cause, as printf()
 */
void fail(const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));
void vfail(const char *remedy, const char *fmt, va_list args)
	__attribute__((noreturn));

/** remedy_no_code - for fail(), where a kernel without our code would fail */
const char *remedy_no_code(void);

/** report_table - print the closing table */
void report_table(void);

#endif /* DEMO_REPORT_H */
