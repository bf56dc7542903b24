/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEMO_REPORT_H
#define DEMO_REPORT_H

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

/**
 * report_init - decide about colour, and say what fail() reports
 * @cleanup: called when something failed, before the closing table
 *
 * There is colour if this is a terminal, or run says that there is one. A failure is
 * one of the step that was begun.
 */
void report_init(void (*cleanup)(void));

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

/** remedy_no_code - for fail(), where a kernel without our code would fail */
const char *remedy_no_code(void);

/** report_table - print the closing table */
void report_table(void);

#endif /* DEMO_REPORT_H */
