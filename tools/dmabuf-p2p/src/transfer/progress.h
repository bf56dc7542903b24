/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "units.h"

/** now_ns - CLOCK_MONOTONIC, ns */
uint64_t now_ns(void);

/**
 * progress_show - say how far something is, in a line that is written over
 * @label: what is being done, short
 * @done: what part of it is done, 0 to 1
 * @remaining_ns: how long it will still take, by all we know
 *
 * On stderr, a few times a second, and only if that is a terminal.
 */
void progress_show(const char *label, double done, uint64_t remaining_ns);

/** progress_clear - remove the line; harmless if there is none */
void progress_clear(void);

/** progress_line - what progress_show() writes, without control characters */
void progress_line(char *line, size_t size, const char *label, double done,
		   uint64_t remaining_ns);

#endif /* PROGRESS_H */
