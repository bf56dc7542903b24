/* SPDX-License-Identifier: MIT */
#ifndef DEVICES_MONITOR_H
#define DEVICES_MONITOR_H

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

/* Of which a reply may have */
#define MONITOR_READ_MOST 32

/**
 * __monitor_read - read physical memory past every page table
 * @paddr: physical address, a multiple of 8
 * @values: receives the words of 8 bytes there
 * @nr: how many, at most MONITOR_READ_MOST
 *
 * Return: as __monitor_command(); also -EPROTO if the answer is no numbers, and -EINVAL
 * if they are too many.
 */
int __monitor_read(uint64_t paddr, uint64_t *values, unsigned int nr);

/** __monitor_read64 - __monitor_read() of a single word */
int __monitor_read64(uint64_t paddr, uint64_t *value);

#endif /* DEVICES_MONITOR_H */
