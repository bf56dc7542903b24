/* SPDX-License-Identifier: MIT */
#ifndef LIB_MONITOR_H
#define LIB_MONITOR_H

#include "devices/monitor.h"

/** monitor_command - __monitor_command() that must print nothing, or fail the test */
void monitor_command(const char *command);

/** monitor_read64 - __monitor_read64() or fail the test; Return: the 8 bytes */
uint64_t monitor_read64(uint64_t paddr);

#endif /* LIB_MONITOR_H */
