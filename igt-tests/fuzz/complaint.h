/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_COMPLAINT_H
#define FUZZ_COMPLAINT_H

#include <stdbool.h>

#include "attempt.h"

/**
 * fuzz_complaint - look for what the kernel must not say
 * @klog: from __klog_open()
 * @report: @why gets the first such line since the last time; @lost counts how often some
 *	were overwritten before they were read, whatever they said
 *
 * Return: whether there is one.
 */
bool fuzz_complaint(int klog, struct fuzz_report *report);

#endif /* FUZZ_COMPLAINT_H */
