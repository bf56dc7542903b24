/* SPDX-License-Identifier: MIT */
#ifndef DEVICES_KLOG_H
#define DEVICES_KLOG_H

#include <stddef.h>

/* The kernel's log. All of this needs root. */

/**
 * __klog_open - start reading the kernel's log from here on
 *
 * Return: descriptor for __klog_count(), to be closed by the caller, or -errno.
 */
int __klog_open(void);

/**
 * __klog_count - count new lines that contain a text
 * @fd: from __klog_open()
 * @text: what to look for, NULL for every line
 * @seen: called with each of them, unless it is NULL
 *
 * Reads up to the log's end, so a line is counted once. Those of __klog_expect() are
 * not counted.
 *
 * Return: number of lines, or -EPIPE if some were overwritten before they were read.
 */
int __klog_count(int fd, const char *text, void (*seen)(const char *record));

/**
 * __klog_expect - say in the kernel's log what it may say from here on
 * @text: part of a line, at most 127 bytes
 *
 * tools/vm/scan-log takes a line that contains it for no report: for IOMMU faults,
 * failed allocations, OOM kills, timeouts of NVMe and of tasks that wait. A
 * program says so before it causes them; there is no such way for bugs.
 *
 * Return: 0 or -errno.
 */
int __klog_expect(const char *text);

/**
 * __klog_expect_no_more - take back what __klog_expect() was given
 * @text: the same
 *
 * Return: 0 or -errno.
 */
int __klog_expect_no_more(const char *text);

/**
 * klog_fault_text - what the IOMMU's driver writes of a fault
 * @addr: PCI address of the device
 * @text: receives the part of the line that names the device
 * @size: size of @text, bytes; 64 is enough
 */
void klog_fault_text(const char *addr, char *text, size_t size);

/**
 * __klog_expect_faults - the IOMMU may refuse what a device does
 * @addr: PCI address of the device
 *
 * With __klog_no_other_faults() a fault of any other device, or before this, is a
 * report and fails the VM.
 *
 * Return: 0 or -errno.
 */
int __klog_expect_faults(const char *addr);

/**
 * __klog_no_other_faults - a fault of the IOMMU that is not expected is a report
 *
 * From here on. Without this they are only counted, in what tools/vm/run prints.
 *
 * Return: 0 or -errno.
 */
int __klog_no_other_faults(void);

#endif /* DEVICES_KLOG_H */
