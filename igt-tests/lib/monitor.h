/* SPDX-License-Identifier: MIT */
#ifndef LIB_MONITOR_H
#define LIB_MONITOR_H

#include <stddef.h>
#include <stdint.h>

/**
 * __monitor_command - have QEMU's human monitor do something
 * @command: one line without quotes or backslashes, such as "device_del shm0"
 * @reply: receives what it printed
 * @size: of @reply, bytes
 *
 * Return: 0, -ENOENT if the VM has no monitor port, -ETIMEDOUT if there is no answer,
 * -EPROTO if it is an error of QMP, or another -errno.
 */
int __monitor_command(const char *command, char *reply, size_t size);

/** monitor_command - __monitor_command() that must print nothing */
void monitor_command(const char *command);

/**
 * monitor_read64 - read physical memory past every page table
 * @paddr: physical address, a multiple of 8
 *
 * Return: the 8 bytes there.
 */
uint64_t monitor_read64(uint64_t paddr);

#endif /* LIB_MONITOR_H */
