/* SPDX-License-Identifier: MIT */
#ifndef LIB_KLOG_H
#define LIB_KLOG_H

/**
 * klog_open - start reading the kernel's log from here on
 *
 * Return: fd for klog_count(), to be closed.
 */
int klog_open(void);

/**
 * klog_count - count new lines that contain a text
 * @fd: from klog_open()
 * @text: what to look for, NULL for every line
 *
 * Reads up to the log's end, so a line is counted once. Fails the test if lines
 * were overwritten before they were read.
 *
 * Return: number of lines, those of klog_expect() excepted.
 */
unsigned int klog_count(int fd, const char *text);

/**
 * klog_expect - say in the kernel's log what it may say from here on
 * @fmt: part of a line, as printf(); at most 127 bytes
 *
 * tools/vm/scan-log takes a line that contains it for no report: for IOMMU faults,
 * failed allocations, OOM kills, timeouts of NVMe and of tasks that wait. A
 * program says so before it causes them; there is no such way for bugs.
 */
void klog_expect(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** klog_expect_no_more - take back what klog_expect() was given */
void klog_expect_no_more(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/**
 * klog_expect_faults - the IOMMU may refuse what a device does
 * @addr: PCI address of the device
 *
 * With klog_no_other_faults() a fault of any other device, or before this, is a
 * report and fails the VM.
 */
void klog_expect_faults(const char *addr);

/** klog_expect_no_more_faults - from here on it must not */
void klog_expect_no_more_faults(const char *addr);

/**
 * klog_no_other_faults - a fault of the IOMMU that is not expected is a report
 *
 * From here on. Without this they are only counted, in what tools/vm/run prints.
 */
void klog_no_other_faults(void);

#endif /* LIB_KLOG_H */
